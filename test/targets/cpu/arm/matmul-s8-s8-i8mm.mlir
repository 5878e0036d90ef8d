// RUN: phic-opt %S/../x86/matmul-s8-s8.mlir --phic-emit-kernels=target=neon+i8mm --phic-emit-entry-points=target=neon+i8mm --phic-lower-to-llvm --phic-emit-code=target=neon+i8mm -o /dev/null | FileCheck %s

// Registers of codes four elements of K apart are zipped, for all rows.

// CHECK-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_1x8x32_k256__neon_i8mm:
// CHECK-NOT:   {{\[sp|div|bl |ushr|smmla}}
// CHECK-COUNT-16: sdot
// CHECK-NOT:   {{\[sp|div|bl |ushr|smmla|sdot}}
// CHECK:       ret
// CHECK-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_8x4x32_k256__neon_i8mm:
// CHECK-COUNT-3: {{^}}.LBB
// CHECK-NOT:   {{\[sp|div|bl |ushr|sdot}}
// CHECK-COUNT-32: smmla
// CHECK-NOT:   {{\[sp|div|bl |ushr|sdot|smmla}}
// CHECK:       b.ne
// CHECK-NOT:   {{div|bl |ushr|sdot}}
// CHECK-COUNT-32: smmla
// CHECK-NOT:   {{div|bl |ushr|sdot|smmla}}
// CHECK:       ret
// CHECK-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_4x4x32_k256__neon_i8mm:
// CHECK-NOT:   {{\[sp|div|bl |ushr|sdot}}
// CHECK-COUNT-32: smmla
// CHECK-NOT:   {{\[sp|div|bl |ushr|sdot|smmla}}
// CHECK:       ret
