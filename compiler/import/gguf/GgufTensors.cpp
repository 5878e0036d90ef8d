//===- GgufTensors.cpp - The tensors of a GGUF model -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/gguf/GgufTensors.h"
#include "dialects/phiq/AddedFormats.h"

namespace phic::gguf {
namespace {

using decoder::Role;
using decoder::StoredType;

#define PHIC_TENSOR(ROLE, PATTERN) {Role::ROLE, PATTERN},
constexpr decoder::TensorName kNames[] = {
#include "compiler/import/gguf/TensorNames.def"
};
#undef PHIC_TENSOR

/// How tensors of a type are stored: as a row of Formats.def says, or one of a plugin.
std::optional<StoredType> storedType(mlir::MLIRContext *context, uint32_t id) {
  if (const GgufType *type = ggufTypeById(id))
    return StoredType{type->layout, type->blockElements, type->blockBytes, type->isFloat, type->format};
  if (const BlockStorage *added = AddedFormats::byGgufType(context, id))
    return StoredType{StoredAs(added), uint64_t(added->blockElements), uint64_t(added->blockBytes), false,
                      added->format};
  return std::nullopt;
}

} // namespace

decoder::TensorTable tensorTable(mlir::MLIRContext *context, const GgufModel &model) {
  decoder::TensorTable table{{}, {"blk.{}.", kNames}, ggufReadableTypes()};
  for (auto [file, part] : llvm::enumerate(model.files()))
    for (const GgufTensor &tensor : part->tensors())
      table.tensors.push_back(
          {tensor.name.str(), llvm::SmallVector<int64_t, 4>(tensor.shape.begin(), tensor.shape.end()), uint32_t(file),
           tensor.offset, tensor.bytes, ggufTypeName(tensor.type), storedType(context, tensor.type)});
  return table;
}

} // namespace phic::gguf
