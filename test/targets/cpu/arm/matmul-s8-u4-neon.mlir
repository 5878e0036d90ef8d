// RUN: phic-opt %S/../x86/matmul-s8-u4.mlir --phic-emit-kernels=target=neon --phic-emit-entry-points=target=neon --phic-lower-to-llvm --phic-emit-code=target=neon -o /dev/null | FileCheck %s

// Activations quantized at run time times nibbles, on the oldest ARM level. Of one activation block (32 elements) and one
// panel: 32 products of eight bytes a row, added in 16 bits, even the two of a column (sixteen of 15 x 127 cannot overflow),
// and widened once. Nothing on the stack, no division, no call.

// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_1x8x32_k256__neon:
// CHECK-NOT:   {{\[sp|div|bl }}
// CHECK:       smull
// CHECK-NOT:   {{\[sp|div|bl |saddlp}}
// CHECK-COUNT-28: smlal
// CHECK-NOT:   {{\[sp|div|bl |smlal|sadalp}}
// CHECK-COUNT-2: saddlp
// CHECK-NOT:   {{\[sp|div|bl |smlal|saddlp|sadalp}}
// CHECK:       ret

// Four rows and half a panel: rows are rearranged first. The second half comes in a loop of its own.
// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_4x4x32_k256__neon:
// CHECK-NOT:   {{\[sp|div|bl }}
// CHECK-COUNT-56: smlal
// CHECK-NOT:   {{\[sp|div|bl |smlal|sadalp}}
// CHECK-COUNT-4: saddlp
// CHECK-NOT:   {{\[sp|div|bl |saddlp|sadalp}}
// CHECK-COUNT-56: smlal
// CHECK-NOT:   {{\[sp|div|bl |smlal|sadalp}}
// CHECK:       ret
