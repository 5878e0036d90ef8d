//===- PackedCodes.cpp - Weights as codes packed in bytes ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/PackedCodes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic::onnx {
namespace {

Scalar scalarOf(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return Scalar::F32;
  case ElementType::F16:
    return Scalar::F16;
  case ElementType::BF16:
    return Scalar::BF16;
  default:
    return Scalar::None;
  }
}

LogicalResult checkPacking(NodeImport &node, const PackedCodes &packed) {
  if (packed.bits != 2 && packed.bits != 4 && packed.bits != 8)
    return node.unsupportedAttribute("bits", "must be 2, 4 or 8, found " + llvm::Twine(packed.bits));
  if (packed.block < 16 || packed.block > 256 || !llvm::isPowerOf2_64(packed.block))
    return node.unsupportedAttribute("block_size",
                                     "must be a power of two from 16 to 256, found " + llvm::Twine(packed.block));
  constexpr int64_t kMaxDim = int64_t(1) << 31;
  if (packed.rows < 1 || packed.columns < 1 || packed.rows > kMaxDim || packed.columns > kMaxDim)
    return node.unsupported("the weight's shape " + llvm::Twine(packed.rows) + "x" + llvm::Twine(packed.columns) +
                            " is not supported");
  return success();
}

/// The zero points' type into `format`; their tensor, or null where they are constant.
FailureOr<const Tensor *> zeroPoints(NodeImport &node, const PackedCodes &packed, int64_t blocks, BlockFormat &format) {
  format.zeroConstant = int64_t(1) << (packed.bits - 1);
  if (!node.has(packed.zeros))
    return static_cast<const Tensor *>(nullptr);
  FailureOr<TensorView> zeros = node.tensor(packed.zeros, /*isFloat=*/false);
  if (llvm::failed(zeros))
    return failure();
  format.zeroConstant = 0;
  int64_t wanted = packed.rows * blocks;
  if (zeros->tensor->type == ElementType::U8) {
    wanted = packed.rows * llvm::divideCeil(blocks * packed.bits, 8);
    format.zero = packed.bits == 4 ? Scalar::U4 : packed.bits == 8 ? Scalar::U8 : Scalar::None;
  } else {
    format.zero = scalarOf(zeros->tensor->type);
  }
  if (format.zero == Scalar::None || format.zero == Scalar::BF16)
    return node.unsupportedInput(packed.zeros, "has zero points of type " + elementTypeName(zeros->tensor->type) +
                                                   ", which is not supported for " + llvm::Twine(packed.bits) +
                                                   " bits");
  if (zeros->tensor->elements() != wanted)
    return node.unsupportedInput(packed.zeros, "must have " + llvm::Twine(wanted) + " elements, found " +
                                                   llvm::Twine(zeros->tensor->elements()));
  return zeros->tensor;
}

} // namespace

FailureOr<Value> packedWeight(NodeImport &node, const PackedCodes &packed, StorageLayout layout) {
  if (llvm::failed(checkPacking(node, packed)))
    return failure();
  FailureOr<TensorView> codes = node.tensor(packed.codes, /*isFloat=*/false);
  FailureOr<TensorView> scales = node.tensor(packed.scales, /*isFloat=*/true);
  if (llvm::failed(codes) || llvm::failed(scales))
    return failure();
  int64_t blocks = llvm::divideCeil(packed.columns, packed.block);
  BlockFormat format{{uint8_t(packed.bits), false}, packed.block, scalarOf(scales->tensor->type)};
  FailureOr<const Tensor *> zeros = zeroPoints(node, packed, blocks, format);
  if (llvm::failed(zeros))
    return failure();
  int64_t elementsPerRow = layout == StorageLayout::NBits ? blocks * packed.block : packed.columns;
  int64_t bytes = packed.rows * (elementsPerRow * packed.bits / 8);
  if (codes->tensor->type != ElementType::U8 || codes->tensor->elements() != bytes)
    return node.unsupportedInput(packed.codes, "must be uint8 with " + llvm::Twine(bytes) + " elements, found " +
                                                   elementTypeName(codes->tensor->type) + " with " +
                                                   llvm::Twine(codes->tensor->elements()));
  if (scales->tensor->elements() != packed.rows * blocks)
    return node.unsupportedInput(packed.scales, "must have " + llvm::Twine(packed.rows * blocks) + " elements, found " +
                                                    llvm::Twine(scales->tensor->elements()));
  SmallVector<const Tensor *> parts{codes->tensor, scales->tensor};
  if (*zeros)
    parts.push_back(*zeros);
  return node.weights.blocks(layout, packed.rows, packed.columns, format, parts);
}

FailureOr<Value> weightOfNBits(NodeImport &node) {
  // accuracy_level permits a kernel to round activations; it does not change the meaning.
  node.ignore({"accuracy_level"});
  PackedCodes packed{
      1, 2, 3, node.integer("N", 0), node.integer("K", 0), node.integer("bits", 4), node.integer("block_size", 32)};
  if (llvm::failed(node.require("weight_prepacked", 0)) || llvm::failed(node.refuseInputs(4, {"g_idx"})))
    return failure();
  return packedWeight(node, packed, StorageLayout::NBits);
}

} // namespace phic::onnx
