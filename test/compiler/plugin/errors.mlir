// One mistake each; exit code 1 is checked in programs.py.
// RUN: not phic build m.gguf -o %t --load-pass-plugin=%t.none.so 2>&1 | FileCheck %s --check-prefix=MISSING
// MISSING: phic: error: --load-pass-plugin={{.*}}.none.so: no such file

// RUN: not phic build m.gguf -o %t --load-pass-plugin=%s 2>&1 | FileCheck %s --check-prefix=TEXT
// TEXT: errors.mlir: is not a shared library: The file was not recognized as a valid object file

// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/bad_no_entry.so 2>&1 | FileCheck %s --check-prefix=ENTRY
// ENTRY: bad_no_entry.so: does not define mlirGetPassPluginInfo, the entry point of a pass plugin

// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/bad_mlir_api.so 2>&1 | FileCheck %s --check-prefix=MLIRAPI
// MLIRAPI: bad_mlir_api.so: has MLIR's plugin API version 2, this phic has 1

// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/bad_api.so 2>&1 | FileCheck %s --check-prefix=API
// API: bad_api.so: has phic's plugin API version 2, this phic has 1

// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/bad_llvm.so 2>&1 | FileCheck %s --check-prefix=LLVM
// LLVM: bad_llvm.so: was built with phic {{[0-9.]+}} and LLVM 20.1.8, this is phic {{[0-9.]+}} with LLVM 22.{{[0-9.]+}}: build it again

// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/bad_other_llvm.so 2>&1 | FileCheck %s --check-prefix=OTHER
// OTHER: bad_other_llvm.so: was built with LLVM 17 (it needs libMLIR.so.17), phic with LLVM 22

// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/bad_undefined.so 2>&1 | FileCheck %s --check-prefix=UNDEFINED
// UNDEFINED: bad_undefined.so: cannot be loaded: {{.*}}undefined symbol: phic_test_not_defined_anywhere

// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/bad_nothing.so 2>&1 | FileCheck %s --check-prefix=NOTHING
// NOTHING: phic: error: plugin 'bad' registers nothing: no pass, hook, format, importer or kernel

// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/bad_no_callback.so 2>&1 | FileCheck %s --check-prefix=CALLBACK
// CALLBACK: bad_no_callback.so: registers nothing: it has no function to call

// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/bad_plain.so 2>&1 | FileCheck %s --check-prefix=IDLE
// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/test_plugin.so 2>&1 | FileCheck %s --check-prefix=IDLE
// IDLE: phic: error: nothing runs the passes of the plugins: say where with --run-before=PHASE:PASS or --run-after=PHASE:PASS

// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/bad_flag.so 2>&1 | FileCheck %s --check-prefix=FLAG
// FLAG: plugin 'bad' has a pass with the flag 'phic-fuse-stages', which another pass has

// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/bad_hook.so 2>&1 | FileCheck %s --check-prefix=HOOK
// HOOK: phic: error: plugin 'bad': there is no IR before 'import' to run passes on

// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/bad_format.so 2>&1 | FileCheck %s --check-prefix=FORMAT
// FORMAT: plugin 'bad' the format 'nbits' has the name of a layout of phic's own
// FORMAT: plugin 'bad' the format 'mine' has GGUF type 2, which phic reads as Q4_0

// RUN: not phic build m.gguf -o %t --plugin-option=a=b 2>&1 | FileCheck %s --check-prefix=OPTION
// OPTION: phic: error: --plugin-option=a=b is not of the form PLUGIN:NAME=VALUE
// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/test_plugin.so --plugin-option=tset:count=a 2>&1 | FileCheck %s --check-prefix=NOBODY
// NOBODY: phic: error: --plugin-option: no plugin named 'tset' is loaded; loaded: test 1.0
// RUN: not phic build m.gguf -o %t --load-pass-plugin=%plugins/test_plugin.so --plugin-option=test:cuont=a 2>&1 | FileCheck %s --check-prefix=NOOPTION
// NOOPTION: phic: error: plugin 'test' has no option 'cuont'; it has before, count, q5_1, tiles, region

// RUN: not phic build m.gguf -o %t --run-after=fuze:cse 2>&1 | FileCheck %s --check-prefix=FUZE
// FUZE: phic: error: --run-after=fuze:cse is not of the form PHASE:PIPELINE; phases are import, canonicalize, quantize
// RUN: not phic build m.gguf -o %t --run-after=fuse:no-such-pass 2>&1 | FileCheck %s --check-prefix=PASS
// PASS: phic: error: --run-after=fuse:no-such-pass: 'no-such-pass' does not refer to a registered pass or pass pipeline
// RUN: not phic build m.gguf -o %t --run-after=link:cse 2>&1 | FileCheck %s --check-prefix=AFTERLINK
// AFTERLINK: phic: error: --run-after=link:cse: there is no IR after 'link' to run passes on

// phic-opt says the same.
// RUN: not phic-opt --load-pass-plugin=%plugins/bad_llvm.so %s 2>&1 | FileCheck %s --check-prefix=OPT
// OPT: phic-opt: error: --load-pass-plugin={{.*}}bad_llvm.so: was built with phic
