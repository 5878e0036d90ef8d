// RUN: phic-opt %S/../x86/matmul-s8-s8.mlir --phic-emit-kernels=target=neon --phic-emit-entry-points=target=neon --phic-lower-to-llvm --phic-emit-code=target=neon -o /dev/null | FileCheck %s

// Two products of a byte and an activation fit 16 bits, no more: after each smull and smlal the sums are widened.

// CHECK-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_1x8x32_k256__neon:
// CHECK-NOT:   {{\[sp|div|bl |ushr|sdot}}
// CHECK-COUNT-12: sadalp
// CHECK-NOT:   {{\[sp|div|bl |sadalp}}
// CHECK-COUNT-2: addp
// CHECK-NOT:   {{\[sp|div|bl |smull|smlal}}
// CHECK:       ret
// CHECK-LABEL: phi_matmul_s8b32_s8f16b32_f32_none_4x4x32_k256__neon:
// CHECK-COUNT-3: {{^}}.LBB
// CHECK-NOT:   {{\[sp|div|bl |ushr|sdot}}
// CHECK-COUNT-24: sadalp
// CHECK-NOT:   {{\[sp|div|bl |sadalp}}
// CHECK-COUNT-4: addp
// CHECK-NOT:   {{\[sp|div|bl |smull|smlal}}
// CHECK:       b.ne
// CHECK-NOT:   {{div|bl }}
// CHECK:       ret
