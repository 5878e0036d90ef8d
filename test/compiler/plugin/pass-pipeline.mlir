// Passes and patterns of a plugin in phic-opt's pipelines, beside phic's own, and by their own flags.
// RUN: phic-opt --load-pass-plugin=%plugins/test_plugin.so --pass-pipeline='builtin.module(phic-fold-spellings,test-count-ops{op=phiq.silu label="now"})' %s 2>&1 | FileCheck %s
// RUN: phic-opt --load-pass-plugin %plugins/test_plugin.so --test-approximate-gelu %s | FileCheck %s --check-prefix=PATTERNS --implicit-check-not='phiq.gelu %%'
// RUN: phic-opt -load-pass-plugin=%plugins/test_plugin.so --load-pass-plugin=%plugins/test_plugin.so --test-count-ops="op=phiq.gelu" %s 2>&1 | FileCheck %s --check-prefix=FLAG
// RUN: phic-opt --load-pass-plugin=%plugins/test_plugin.so --help | FileCheck %s --check-prefix=HELP

// CHECK: remark: now phiq.silu: 1
// PATTERNS: phiq.gelu_tanh
// FLAG: remark: phiq.gelu: 1
// HELP-DAG: --test-count-ops
// HELP-DAG: --test-approximate-gelu {{.*}}gelu is gelu_tanh
func.func @model(%x: tensor<?x96xf32>) -> tensor<?x96xf32> {
  %s = phiq.sigmoid %x : tensor<?x96xf32>
  %y = arith.mulf %x, %s : tensor<?x96xf32>
  %g = phiq.gelu %y : tensor<?x96xf32>
  return %g : tensor<?x96xf32>
}

// A reproducer names passes of the plugin: phic-opt runs it when it has the plugin.
// RUN: not phic-opt --load-pass-plugin=%plugins/test_plugin.so --mlir-pass-pipeline-crash-reproducer=%t.mlir --pass-pipeline='builtin.module(test-count-ops,test-fail)' %s
// RUN: not phic-opt --load-pass-plugin=%plugins/test_plugin.so --run-reproducer %t.mlir 2>&1 | FileCheck %s --check-prefix=AGAIN
// RUN: not phic-opt --run-reproducer %t.mlir 2>&1 | FileCheck %s --check-prefix=WITHOUT
// AGAIN: remark: phiq.matmul: 0
// AGAIN: error: this pass always fails
// WITHOUT: 'test-count-ops' does not refer to a registered pass
