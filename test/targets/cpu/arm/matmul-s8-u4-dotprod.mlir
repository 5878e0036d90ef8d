// RUN: phic-opt %S/../x86/matmul-s8-u4.mlir --phic-emit-kernels=target=neon+dotprod --phic-emit-entry-points=target=neon+dotprod --phic-lower-to-llvm --phic-emit-code=target=neon+dotprod -o /dev/null | FileCheck %s

// Activations quantized at run time times nibbles. Of one activation block (32 elements) and one panel: eight registers of
// codes, 16 sdot a row that take the activation from a lane. Nothing on the stack, no division, no call.

// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_1x8x32_k256__neon_dotprod:
// CHECK-NOT:   {{\[sp|div|bl |smull}}
// CHECK-COUNT-16: sdot	v{{[0-9]+}}.4s, v{{[0-9]+}}.16b, v{{[0-9]+}}.4b[{{[0-3]}}]
// CHECK-NOT:   {{\[sp|div|bl |sdot|smull}}
// CHECK:       fmla
// CHECK-NOT:   {{\[sp|div|bl |sdot|smull}}
// CHECK:       ret

// Eight rows share the unpacked codes of half a panel: eight s32 sums, eight f32 sums, nothing on the stack. Rows are
// rearranged first, so that a register has the elements of four rows; what the zero point takes off is ready there.
// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_8x4x32_k256__neon_dotprod:
// CHECK-NOT:   {{div|bl |sdot}}
// CHECK:       st4
// CHECK:       b.ne
// CHECK-COUNT-2: {{^}}.LBB
// CHECK-NOT:   {{\[sp|div|bl |fmul|ld1r|zip}}
// CHECK-COUNT-64: sdot	v{{[0-9]+}}.4s, v{{[0-9]+}}.16b, v{{[0-9]+}}.4b[{{[0-3]}}]
// CHECK-NOT:   {{\[sp|div|bl |fmul|ld1r|zip|sdot}}
// CHECK:       b.ne
// CHECK-NOT:   {{div|bl |fmul}}
// CHECK-COUNT-64: sdot
// CHECK-NOT:   {{div|bl |fmul|sdot}}
// CHECK:       ret

// Four rows: both halves of a panel, one after the other, with the same activations.
// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_4x8x32_k256__neon_dotprod:
// CHECK-COUNT-3: {{^}}.LBB
// CHECK-NOT:   {{\[sp|div|bl |fmul|ld1r|zip}}
// CHECK-COUNT-64: sdot
// CHECK-NOT:   {{\[sp|div|bl |ld1r|zip|sdot}}
// CHECK:       b.ne
// CHECK-NOT:   {{div|bl |sdot}}
// CHECK:       ret

// CHECK-LABEL: phi_matmul_s8b32_u4f16z8b32_f32_none_2x8x32_k256__neon_dotprod:
// CHECK-NOT:   {{\[sp|div|bl }}
// CHECK-COUNT-32: sdot
// CHECK-NOT:   {{\[sp|div|bl |sdot}}
// CHECK:       ret
