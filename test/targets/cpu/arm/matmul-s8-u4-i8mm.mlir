// RUN: phic-opt %S/../x86/matmul-s8-u4.mlir --phic-emit-kernels=target=neon+i8mm --phic-emit-entry-points=target=neon+i8mm --phic-lower-to-llvm --phic-emit-code=target=neon+i8mm -o /dev/null | FileCheck %s

// One row, and two, are what they are without I8MM.
// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_1x8x32_k256__neon_i8mm:
// CHECK-NOT:   {{\[sp|div|bl |smmla}}
// CHECK-COUNT-16: sdot
// CHECK-NOT:   {{\[sp|div|bl |smmla|sdot}}
// CHECK:       ret

// Eight rows: half as many multiplications as with sdot. Nibbles are zipped before they are split, rows are not: they were
// rearranged in pairs.
// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_8x4x32_k256__neon_i8mm:
// CHECK-NOT:   {{div|bl |smmla}}
// CHECK:       stp	q
// CHECK:       b.ne
// CHECK-COUNT-2: {{^}}.LBB
// CHECK-NOT:   {{\[sp|div|bl |fmul|ld1r|sdot|mov	v}}
// CHECK-COUNT-4: zip
// CHECK-NOT:   {{\[sp|div|bl |fmul|ld1r|sdot|mov	v|zip}}
// CHECK:       b.ne
// CHECK-NOT:   {{div|bl |fmul|sdot}}
// CHECK-COUNT-32: smmla
// CHECK-NOT:   {{div|bl |fmul|sdot|smmla}}
// CHECK:       ret

// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_4x4x32_k256__neon_i8mm:
// CHECK-NOT:   {{\[sp|div|bl |sdot}}
// CHECK-COUNT-32: smmla
// CHECK-NOT:   {{\[sp|div|bl |sdot|smmla}}
// CHECK:       ret

// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_2x8x32_k256__neon_i8mm:
// CHECK-NOT:   {{\[sp|div|bl |smmla}}
// CHECK-COUNT-32: sdot
// CHECK-NOT:   {{\[sp|div|bl |smmla|sdot}}
// CHECK:       ret
