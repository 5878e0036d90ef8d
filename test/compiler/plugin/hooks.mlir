// Where hooks run: those of a plugin, and those that the user spells out.
// RUN: phic build --print-pipeline --load-pass-plugin=%plugins/test_plugin.so --plugin-option=test:before=layout --plugin-option=test:before=fuse --plugin-option=test:count=plan.stage --run-after=fuse:canonicalize,cse --run-before='link:func.func(cse)' | FileCheck %s
// CHECK: precision:
// CHECK: fuse:
// CHECK-NEXT: test-count-ops{label={before fuse:} op=phiq.matmul} (plugin 'test')
// CHECK-NEXT: phic-materialize-quantization
// CHECK: phic-verify-stages
// CHECK-NEXT: test-count-ops{{.*}}op=plan.stage{{.*}}(plugin 'test')
// CHECK-NEXT: canonicalize{{.*}}, cse (--run-after=fuse:canonicalize,cse)
// CHECK-NEXT: layout:
// CHECK-NEXT: test-count-ops{label={before layout:}
// CHECK-NEXT: phic-assign-packed-layouts
// CHECK: link:
// CHECK-NEXT: func.func(cse) (--run-before=link:func.func(cse))

// RUN: phic build %models/tiny-llama/ort-genai-int4 --stop-after=fuse -o %t.mlir --load-pass-plugin=%plugins/test_plugin.so --plugin-option=test:before=quantize --plugin-option=test:count=plan.stage --run-before='fuse:test-count-ops{op=phiq.rope label="user"}' 2>&1 | FileCheck %s --check-prefix=HOOKED
// HOOKED-DAG: phic: remark: {{.*}}before quantize: phiq.matmul: 11
// HOOKED-DAG: phic: remark: {{.*}}user phiq.rope: 4
// HOOKED-DAG: phic: remark: {{.*}}plan.stage: {{[1-9]}}

// The IR says which plugins were there.
// RUN: FileCheck %s --check-prefix=IR --input-file=%t.mlir
// IR: phic.plugins = ["test 1.0"]

// A failing hook is told as the plugin's, with exit code 2, and nothing is written.
// RUN: rm -f %t.out
// RUN: not phic build %models/tiny-llama/ort-genai-int4 -o %t.out --load-pass-plugin=%plugins/test_plugin.so --run-after=layout:test-fail 2>&1 | FileCheck %s --check-prefix=FAILS
// FAILS: phic: error: {{.*}}this pass always fails
// FAILS: phic: error: passes of --run-after=layout:test-fail failed after phase 'layout'
// RUN: not phic build %models/tiny-llama/ort-genai-int4 -o %t.out --load-pass-plugin=%plugins/test_plugin.so --run-after=import:test-break-ir 2>&1 | FileCheck %s --check-prefix=BREAKS
// BREAKS: phic: error: {{.*}}of this type names {{[0-9]}} ranges, found 0
// BREAKS: phic: error: passes of --run-after=import:test-break-ir failed after phase 'import'
// RUN: not ls %t.out
