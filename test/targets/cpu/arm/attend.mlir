// RUN: phic-opt %S/../x86/attend.mlir --phic-emit-kernels=target=neon --phic-emit-entry-points=target=neon --phic-lower-to-llvm --phic-emit-code=target=neon -o /dev/null | FileCheck %s

// Attention over an f16 cache: keys and values are widened as they are loaded; no library calls for e^x, no divisions but
// one a row.

// CHECK-LABEL: phi_attend_f32_f16_f32_none_m1d16g2__neon:
// CHECK-NOT:   {{bl |fdiv}}
// CHECK:       fcvtl
// CHECK:       fmla
// CHECK-NOT:   {{bl |fdiv}}
// CHECK:       frintn
// CHECK-NOT:   {{bl |fdiv}}
// CHECK:       fdiv	s
// CHECK-NOT:   {{bl |fdiv}}
// CHECK:       ret
