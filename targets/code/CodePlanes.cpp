//===- CodePlanes.cpp - Codes out of their planes --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A shift and a mask for each field; LLVM finds the instructions of machines that do not shift bytes.
//===----------------------------------------------------------------------===//
#include "targets/code/CodePlanes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace phic {

/// The field that begins with bit `from` of each byte, where the plane has it in the code.
static Value moveField(KernelBuilder &b, Value bytes, int64_t from, const CodePlane &plane) {
  if (plane.bits == 8)
    return bytes;
  if (from > plane.shift)
    bytes = arith::ShRUIOp::create(b, bytes, b.like(bytes, from - plane.shift));
  else if (from < plane.shift)
    bytes = arith::ShLIOp::create(b, bytes, b.like(bytes, plane.shift - from));
  // What a word's shift moves into another byte is masked, too.
  const int64_t mask = ((int64_t(1) << plane.bits) - 1) << plane.shift;
  return arith::AndIOp::create(b, bytes, b.like(bytes, isa<VectorType>(bytes.getType()) ? mask : mask * 0x01010101));
}

llvm::SmallVector<Value, 8> unpackGroups(KernelBuilder &b, const PackedLayout &layout, int64_t first, int64_t count,
                                         function_ref<Value(int64_t)> load) {
  llvm::SmallVector<Value, 8> groups(count);
  int64_t planeAt = 0;
  for (const CodePlane &plane : layout.planes()) {
    Value bytes;
    for (int64_t g = first; g < first + count; ++g) {
      const int64_t field = g % plane.fields();
      if (field == 0 || g == first)
        bytes = load(planeAt + g / plane.fields() * PackedLayout::kVectorBytes);
      Value bits = moveField(b, bytes, field * plane.bits, plane), &group = groups[g - first];
      group = group ? Value(arith::OrIOp::create(b, group, bits)) : bits;
    }
    planeAt += layout.runElements() * plane.bits;
  }
  return groups;
}

} // namespace phic
