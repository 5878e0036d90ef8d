// RUN: phic-opt %S/../x86/matmul-s8-u4.mlir --phic-emit-kernels=target=neon --phic-emit-entry-points=target=neon --phic-lower-to-llvm --phic-emit-code=target=neon -o /dev/null | FileCheck %s

// Activations quantized at run time times nibbles, on the oldest ARM level: eight products of each half panel are added
// in 16 bits (u4 x s8 cannot overflow: 8 x 15 x 127), then once widened. Nothing on the stack, no division.

// One row, one panel, one block of 32: 8 elements of K times 4 registers of 8 products.
// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_1x8x32_k256__neon:
// CHECK-NOT:   {{(ld1r?|udiv|fdiv|bl|ldr|str) .*(sp|bl)}}
// CHECK:       fcvtl
// CHECK-COUNT-4: smull
// CHECK-COUNT-28: smlal
// CHECK-NOT:   {{smull|smlal}}
// CHECK:       addp
// CHECK:       fmla
// CHECK:       ret
