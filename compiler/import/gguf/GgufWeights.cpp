//===- GgufWeights.cpp - Tensors of a GGUF file as weights -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looking tensors up, checking them, making phiq.weight.
//===----------------------------------------------------------------------===//
#include "compiler/import/gguf/GgufWeights.h"
#include "dialects/phiq/AddedFormats.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::formatv;

namespace phic::gguf {

GgufWeights::GgufWeights(OpBuilder &builder, const GgufFile &file, WeightStore &store,
                         const std::function<void(uint64_t, uint64_t)> &progress, std::vector<std::string> &reasons)
    : builder(builder), file(file), store(store), progress(progress), reasons(reasons) {
  for (const Tensor &tensor : file.tensors())
    total += tensor.bytes;
}

std::optional<GgufWeights::StoredType> GgufWeights::storedType(uint32_t id) {
  if (const GgufType *type = ggufTypeById(id))
    return StoredType{storageLayoutName(type->layout), type->blockElements, type->blockBytes, type->isFloat,
                      type->format};
  if (const BlockStorage *added = AddedFormats::byGgufType(builder.getContext(), id))
    return StoredType{added->name, added->blockElements, added->blockBytes, false, added->format};
  return std::nullopt;
}

Value GgufWeights::placeholder(Location loc, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, builder.getF32Type());
  return phiq::WeightOp::create(builder, loc, type, "refused", storageLayoutName(StorageLayout::DenseNK),
                                builder.getArrayAttr({}));
}

const Tensor *GgufWeights::checkedTensor(StringRef name, ArrayRef<int64_t> shape) {
  auto text = [](auto range) {
    return llvm::join(llvm::map_range(range, [](auto n) { return std::to_string(n); }), "x");
  };
  const Tensor *tensor = file.tensor(name);
  if (!tensor) {
    refuse("tensor '" + name + "' is missing");
    return nullptr;
  }
  used.insert(name);
  std::optional<StoredType> type = storedType(tensor->type);
  if (!llvm::equal(tensor->shape, shape)) {
    refuse("tensor '" + name + "' has shape " + text(tensor->shape) + ", expected " + text(shape));
    return nullptr;
  }
  if (!type) {
    refuse("tensor '" + name + "' has type " + ggufTypeName(tensor->type) + ", supported are " + ggufReadableTypes());
    return nullptr;
  }
  if (shape.size() == 1 && !type->isFloat) {
    refuse("tensor '" + name + "' is a vector of type " + ggufTypeName(tensor->type) + ", expected F32 or F16");
    return nullptr;
  }
  return tensor;
}

Value GgufWeights::get(const Twine &twine, ArrayRef<int64_t> shape, int64_t firstRow, int64_t allRows) {
  std::string name = twine.str();
  Location loc = NameLoc::get(builder.getStringAttr(name));
  SmallVector<int64_t> whole(shape);
  whole[0] = allRows ? allRows : shape[0];
  const Tensor *tensor = checkedTensor(name, whole);
  if (!tensor)
    return placeholder(loc, shape);
  StoredType type = *storedType(tensor->type);
  // Rows are whole blocks, so a run of rows is a run of bytes.
  uint64_t columns = llvm::product_of(llvm::ArrayRef(shape).drop_front());
  if (columns % type.blockElements) {
    refuse("tensor '" + name + "' has rows of " + std::to_string(columns) +
           " elements, which are not whole blocks of " + std::to_string(type.blockElements));
    return placeholder(loc, shape);
  }
  uint64_t rowBytes = columns / type.blockElements * type.blockBytes;
  llvm::Expected<FileRange> range =
      store.makeRange(/*file=*/0, tensor->offset + firstRow * rowBytes, shape[0] * rowBytes);
  if (!range) {
    refuse("tensor '" + name + "': " + llvm::toString(range.takeError()));
    return placeholder(loc, shape);
  }
  hashed += range->length;
  if (progress)
    progress(hashed, total);
  Type element = phiq::BlockType::get(builder.getContext(), type.format);
  if (type.isFloat)
    element = type.format.scale == Scalar::F16 ? Type(builder.getF16Type()) : Type(builder.getF32Type());
  Attribute handle = phiq::RangeAttr::get(builder.getContext(), range->file, range->offset, range->length, range->hash);
  if (allRows)
    name += formatv("[{0}:{1}]", firstRow, firstRow + shape[0]);
  return phiq::WeightOp::create(builder, loc, RankedTensorType::get(shape, element), name, type.layout,
                                builder.getArrayAttr(handle));
}

void GgufWeights::refuse(const Twine &reason) {
  if (!llvm::is_contained(reasons, reason.str()))
    reasons.push_back(reason.str());
}

void GgufWeights::refuseUnused() {
  for (const Tensor &tensor : file.tensors())
    if (!used.contains(tensor.name))
      refuse("tensor '" + tensor.name + "' has no place in this architecture");
}

} // namespace phic::gguf
