// RUN: phic-opt %S/../x86/matmul-f32-f16.mlir --phic-emit-kernels=target=neon --phic-emit-entry-points=target=neon --phic-lower-to-llvm --phic-emit-code=target=neon -o /dev/null | FileCheck %s

// Float rows times f16 panels: widened as they are loaded; an fma takes the activation from a lane, four elements of K a
// load. Four panels side by side: 4 elements x 8 registers.

// CHECK-LABEL: phi_matmul_f32_f16_f32_none_1x32x1_k256__neon:
// CHECK-NOT:   {{\[sp|div|bl |ld1r}}
// CHECK-COUNT-32: fmla	v{{[0-9]+}}.4s, v{{[0-9]+}}.4s, v{{[0-9]+}}.s[{{[0-3]}}]
// CHECK-NOT:   {{div|bl |ld1r}}
// CHECK:       ret
// CHECK-LABEL: phi_matmul_f32_f16_f32_none_4x16x1_k256__neon:
// CHECK-NOT:   {{div|bl |ld1r}}
// CHECK-COUNT-64: fmla
// CHECK-NOT:   {{div|bl |ld1r}}
// CHECK:       ret
