//===- Weights.cpp - Initializers become weight handles --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/Weights.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace phic::onnx {
namespace {

std::string storageKey(ArrayRef<ByteRange> ranges, StringRef what) {
  std::string key = what.str();
  for (const ByteRange &range : ranges)
    key += '|' + std::to_string(range.file) + ':' + std::to_string(range.offset) + ':' + std::to_string(range.length);
  return key;
}

} // namespace

Type floatType(MLIRContext *context, ElementType type) {
  switch (type) {
  case ElementType::F32:
    return Float32Type::get(context);
  case ElementType::F16:
    return Float16Type::get(context);
  case ElementType::BF16:
    return BFloat16Type::get(context);
  default:
    return {};
  }
}

Weights::Weights(const Model &model, WeightStore *store, OpBuilder &builder,
                 std::function<void(uint64_t, uint64_t)> progress)
    : model(model), store(store), builder(builder), progress(std::move(progress)) {
  for (const Tensor &tensor : model.graph().initializers)
    total += tensor.bytes ? tensor.bytes->length : 0;
}

Value Weights::create(StorageLayout layout, RankedTensorType type, const std::string &name,
                      ArrayRef<ByteRange> ranges) {
  std::string what;
  llvm::raw_string_ostream(what) << storageLayoutName(layout) << ' ' << type;
  Value &value = made[storageKey(ranges, what)];
  if (value)
    return value;
  SmallVector<mlir::Attribute> handles;
  for (const ByteRange &range : ranges) {
    uint64_t hash = store ? llvm::cantFail(store->makeRange(range.file, range.offset, range.length)).hash
                          : llvm::xxh3_64bits(model.bytes(range)); // the reader has checked its bounds
    handles.push_back(phiq::RangeAttr::get(builder.getContext(), range.file, range.offset, range.length, hash));
    hashed += range.length;
    if (progress)
      progress(hashed, total);
  }
  Location loc = NameLoc::get(builder.getStringAttr(name));
  return value = phiq::WeightOp::create(builder, loc, type, name, layout, builder.getArrayAttr(handles));
}

Value Weights::dense(StorageLayout layout, ArrayRef<int64_t> shape, const Tensor &tensor, ByteRange range) {
  Type element = floatType(builder.getContext(), tensor.type);
  if (!element) {
    assert((tensor.type == ElementType::I8 || tensor.type == ElementType::U8) && "a type that weights have");
    element = builder.getIntegerType(8);
    if (tensor.type == ElementType::U8)
      element = builder.getIntegerType(8, /*isSigned=*/false);
  }
  auto type = RankedTensorType::get(shape, element);
  return create(layout, type, tensor.name, range);
}

Value Weights::vector(const TensorView &view) {
  return dense(StorageLayout::DenseNK, view.tensor->elements(), *view.tensor, *view.tensor->bytes);
}

Value Weights::rows(const TensorView &view, int64_t first, int64_t count) {
  ByteRange range = *view.tensor->bytes;
  uint64_t rowBytes = uint64_t(view.dims[1]) * elementBits(view.tensor->type) / 8;
  range.offset += uint64_t(first) * rowBytes;
  range.length = uint64_t(count) * rowBytes;
  return dense(StorageLayout::DenseNK, {count, view.dims[1]}, *view.tensor, range);
}

/// The first use decides whether the op reads the bytes as they are or transposed, so that
/// most graphs need no phiq.transpose; later uses get views of it.
Value Weights::whole(const TensorView &view) {
  return dense(StorageLayout::DenseNK, view.dims, *view.tensor, *view.tensor->bytes);
}

Value Weights::kernel(const TensorView &view, ArrayRef<int64_t> shape, int64_t first) {
  ByteRange range = *view.tensor->bytes;
  const uint64_t rowBytes = range.length / uint64_t(std::max<int64_t>(1, view.dims[0]));
  range.offset += uint64_t(first) * rowBytes;
  range.length = uint64_t(shape[0]) * rowBytes;
  return dense(StorageLayout::DenseOIHW, shape, *view.tensor, range);
}

Value Weights::matrix(const TensorView &view, bool transpose) {
  const Tensor &tensor = *view.tensor;
  bool wantTransposed = view.transposed != transpose;
  std::string key = storageKey(*tensor.bytes, std::to_string(view.dims[0]));
  auto [found, isNew] = transposed.try_emplace(key);
  if (isNew)
    found->second = wantTransposed ? dense(StorageLayout::DenseKN, {view.dims[1], view.dims[0]}, tensor, *tensor.bytes)
                                   : dense(StorageLayout::DenseNK, view.dims, tensor, *tensor.bytes);
  Value value = found->second;
  bool isTransposed = value.getDefiningOp<phiq::WeightOp>().getStoredAs() == StorageLayout::DenseKN;
  return isTransposed == wantTransposed ? value : this->transpose(value);
}

Value Weights::blocks(StorageLayout layout, int64_t rows, int64_t columns, const BlockFormat &format,
                      ArrayRef<const Tensor *> parts) {
  SmallVector<ByteRange> ranges;
  for (const Tensor *part : parts)
    ranges.push_back(*part->bytes);
  auto type = RankedTensorType::get({rows, columns}, phiq::BlockType::get(builder.getContext(), format));
  return create(layout, type, parts[0]->name, ranges);
}

Value Weights::transpose(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  auto result = RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)}, type.getElementType());
  return phiq::TransposeOp::create(builder, value.getLoc(), result, value);
}

} // namespace phic::onnx
