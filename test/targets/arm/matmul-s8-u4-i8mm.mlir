// RUN: phic-opt %S/../x86/matmul-s8-u4.mlir --phic-emit-kernels=target=neon+i8mm --phic-emit-entry-points=target=neon+i8mm --phic-lower-to-llvm --phic-emit-code=target=neon+i8mm -o /dev/null | FileCheck %s

// One row is what it is without I8MM.
// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_1x8x32_k256__neon_i8mm:
// CHECK-NOT:   {{\[sp|div|bl |smmla}}
// CHECK-COUNT-16: sdot
// CHECK-NOT:   {{\[sp|div|bl |smmla|sdot}}
// CHECK:       ret

// Four rows: half as many multiplications as with sdot.
// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_4x8x32_k256__neon_i8mm:
// CHECK-NOT:   {{div|bl |sdot}}
// CHECK-COUNT-32: smmla
// CHECK-NOT:   {{div|bl |sdot|smmla}}
// CHECK:       ret
