// RUN: phic-opt %S/../x86/matmul-s8-s8.mlir --phic-emit-kernels=target=neon+dotprod --phic-emit-entry-points=target=neon+dotprod --phic-lower-to-llvm --phic-emit-code=target=neon+dotprod -o /dev/null | FileCheck %s

// Bytes need no unpacking: each register of codes is an operand of sdot.

// CHECK-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_1x8x32_k256__neon_dotprod:
// CHECK-NOT:   {{\[sp|div|bl |ushr}}
// CHECK-COUNT-16: sdot
// CHECK-NOT:   {{\[sp|div|bl |ushr|sdot}}
// CHECK:       ret
// CHECK-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_8x4x32_k256__neon_dotprod:
// CHECK-NOT:   {{\[sp|div|bl |ushr}}
// CHECK-COUNT-128: sdot
// CHECK-NOT:   {{\[sp|div|bl |ushr|sdot}}
// CHECK:       ret
// CHECK-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_4x8x32_k256__neon_dotprod:
// CHECK-NOT:   {{\[sp|div|bl |ushr}}
// CHECK-COUNT-64: sdot
// CHECK-NOT:   {{\[sp|div|bl |ushr|sdot}}
// CHECK:       ret
// CHECK-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_2x8x32_k256__neon_dotprod:
// CHECK-NOT:   {{\[sp|div|bl |ushr}}
// CHECK-COUNT-32: sdot
// CHECK-NOT:   {{\[sp|div|bl |ushr|sdot}}
// CHECK:       ret
