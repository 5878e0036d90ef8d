//===- TensorWeights.cpp - Weights that are one tensor each ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looking tensors up, checking them, making phiq.weight.
//===----------------------------------------------------------------------===//
#include "compiler/import/decoder/TensorWeights.h"
#include "dialects/phiq/Phiq.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include <bit>
#include <cmath>

using namespace mlir;
using llvm::formatv;

namespace phic::decoder {
namespace {

std::string text(ArrayRef<int64_t> shape) {
  return llvm::join(llvm::map_range(shape, [](int64_t n) { return std::to_string(n); }), "x");
}

mlir::Value placeholder(OpBuilder &builder, Location loc, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  return phiq::WeightOp::create(builder, loc, type, "refused", StorageLayout::DenseNK, builder.getArrayAttr({}));
}

Type elementType(MLIRContext *context, const StoredType &type) {
  if (!type.isFloat)
    return phiq::BlockType::get(context, type.format);
  return type.format.scale == Scalar::F16    ? Type(Float16Type::get(context))
         : type.format.scale == Scalar::BF16 ? Type(BFloat16Type::get(context))
                                             : Type(Float32Type::get(context));
}

} // namespace

StoredType StoredType::floats(Scalar element) {
  StoredType type;
  type.blockBytes = element == Scalar::F32 ? 4 : 2;
  type.format.scale = element;
  return type;
}

TensorWeights::TensorWeights(TensorTable given, WeightStore &store, std::function<void(uint64_t, uint64_t)> progress)
    : table(std::move(given)), store(store), progress(std::move(progress)) {
  for (auto [i, tensor] : llvm::enumerate(table.tensors)) {
    total += tensor.bytes;
    index[tensor.name] = i;
  }
}

const StoredTensor *TensorWeights::find(const WeightId &id) const {
  auto found = index.find(table.names.tensor(id));
  return found == index.end() ? nullptr : &table.tensors[found->second];
}

SmallVector<int64_t> TensorWeights::shape(const WeightId &id) const {
  const StoredTensor *tensor = find(id);
  return tensor ? llvm::to_vector(ArrayRef<int64_t>(tensor->shape)) : SmallVector<int64_t>();
}

/// The tensor if it exists with that shape and a type that phic reads; else the reason is noted.
const StoredTensor *TensorWeights::checked(const WeightId &id, ArrayRef<int64_t> shape) {
  const StoredTensor *tensor = find(id);
  if (!tensor) {
    refuse("tensor '" + table.names.tensor(id) + "' is missing");
    return nullptr;
  }
  used.insert(tensor->name);
  auto refused = [&](const Twine &why) {
    refuse("tensor '" + tensor->name + "' " + why);
    return nullptr;
  };
  if (ArrayRef<int64_t>(tensor->shape) != shape)
    return refused("has shape " + text(tensor->shape) + ", expected " + text(shape));
  if (!tensor->type)
    return refused("has type " + tensor->typeName + ", supported are " + table.readableTypes);
  if (shape.size() == 1 && !tensor->type->isFloat)
    return refused("is a vector of type " + tensor->typeName + ", expected F32, F16 or BF16");
  return tensor;
}

/// Rows are whole blocks, so a run of rows is a run of bytes.
std::optional<FileRange> TensorWeights::rangeOf(const StoredTensor &tensor, ArrayRef<int64_t> shape, int64_t firstRow) {
  const StoredType &type = *tensor.type;
  uint64_t columns = llvm::product_of(shape.drop_front());
  if (columns % type.blockElements) {
    refuse("tensor '" + tensor.name + "' has rows of " + Twine(columns) + " elements, which are not whole blocks of " +
           Twine(type.blockElements));
    return std::nullopt;
  }
  uint64_t rowBytes = columns / type.blockElements * type.blockBytes;
  auto range = store.makeRange(tensor.file, tensor.offset + firstRow * rowBytes, shape[0] * rowBytes);
  if (!range) {
    refuse("tensor '" + tensor.name + "': " + llvm::toString(range.takeError()));
    return std::nullopt;
  }
  hashed += range->length;
  if (progress)
    progress(hashed, total);
  return *range;
}

mlir::Value TensorWeights::get(OpBuilder &builder, const WeightId &id, ArrayRef<int64_t> shape, RowRange rows) {
  std::string name = table.names.tensor(id);
  Location loc = NameLoc::get(builder.getStringAttr(name));
  SmallVector<int64_t> whole(shape);
  whole[0] = rows.all ? rows.all : shape[0];
  const StoredTensor *tensor = checked(id, whole);
  std::optional<FileRange> range = tensor ? rangeOf(*tensor, shape, rows.first) : std::nullopt;
  if (!range)
    return placeholder(builder, loc, shape);
  MLIRContext *context = builder.getContext();
  Attribute handle = phiq::RangeAttr::get(context, range->file, range->offset, range->length, range->hash);
  if (rows.all)
    name += formatv("[{0}:{1}]", rows.first, rows.first + shape[0]);
  return phiq::WeightOp::create(builder, loc, RankedTensorType::get(shape, elementType(context, *tensor->type)), name,
                                tensor->type->storedAs, builder.getArrayAttr(handle));
}

std::vector<float> TensorWeights::numbers(const WeightId &id, int64_t count) {
  const StoredTensor *tensor = has(id) ? checked(id, {count}) : nullptr;
  if (!tensor)
    return {};
  if (tensor->type->format.scale != Scalar::F32) {
    refuse("tensor '" + tensor->name + "' has type " + tensor->typeName + ", expected F32");
    return {};
  }
  auto bytes = store.bytes({tensor->file, tensor->offset, uint64_t(count) * 4});
  if (!bytes) {
    refuse("tensor '" + tensor->name + "': " + llvm::toString(bytes.takeError()));
    return {};
  }
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(std::bit_cast<float>(llvm::support::endian::read32le(bytes->data() + 4 * i)));
  return values;
}

void TensorWeights::refuse(const Twine &reason) {
  if (knownReasons.insert(reason.str()).second)
    reasonList.push_back(reason.str());
}

void TensorWeights::refuseUnused() {
  for (const StoredTensor &tensor : table.tensors)
    if (!used.contains(tensor.name))
      refuse("tensor '" + tensor.name + "' has no place in this architecture");
}

} // namespace phic::decoder
