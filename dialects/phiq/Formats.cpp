//===- Formats.cpp - Weight formats as data --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tables of Formats.def by id and name.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Formats.h"
#include "dialects/phiq/BlockStorage.h"

#include <cassert>
#include <vector>

namespace phic {
namespace {

struct ScalarRow {
  Scalar scalar;
  std::string_view name;
  unsigned bits;
};
constexpr ScalarRow kScalars[] = {
    {Scalar::F32, "f32", 32}, {Scalar::F16, "f16", 16}, {Scalar::BF16, "bf16", 16}, {Scalar::I8, "s8", 8},
    {Scalar::U8, "u8", 8},    {Scalar::I4, "s4", 4},    {Scalar::U4, "u4", 4},
};

BlockFormat formatOfRow(std::string_view text) {
  BlockFormat format;
  if (std::optional<Scalar> scalar = scalarByName(text)) {
    format.scale = *scalar;
    return format;
  }
  std::optional<BlockFormat> parsed = BlockFormat::parse(text, nullptr);
  assert(parsed && "a row of Formats.def has a format that does not parse");
  return *parsed;
}

const std::vector<GgufType> &ggufTypes() {
  static const std::vector<GgufType> types = {
#define PHIC_GGUF_TYPE(ID, NAME, LAYOUT, BLOCK_ELEMENTS, BLOCK_BYTES, FORMAT)                                          \
  {ID, NAME, StorageLayout::LAYOUT, BLOCK_ELEMENTS, BLOCK_BYTES, scalarByName(FORMAT).has_value(), formatOfRow(FORMAT)},
#include "dialects/phiq/Formats.def"
  };
  return types;
}

} // namespace

unsigned scalarBits(Scalar scalar) {
  for (const ScalarRow &row : kScalars)
    if (row.scalar == scalar)
      return row.bits;
  return 0;
}

std::string_view scalarName(Scalar scalar) {
  for (const ScalarRow &row : kScalars)
    if (row.scalar == scalar)
      return row.name;
  return {};
}

std::optional<Scalar> scalarByName(std::string_view name) {
  for (const ScalarRow &row : kScalars)
    if (row.name == name)
      return row.scalar;
  return std::nullopt;
}

bool isFloat(Scalar scalar) { return scalar == Scalar::F32 || scalar == Scalar::F16 || scalar == Scalar::BF16; }

double BlockFormat::bitsPerWeight() const {
  // One level: a scalar a block. Two levels: an integer a block, the scalar a super-block.
  auto spread = [&](Scalar scalar) {
    if (scalar == Scalar::None)
      return 0.0;
    double outer = scalarBits(scalar);
    return subScaleBits ? subScaleBits / double(block) + outer / double(kSuperBlock) : outer / double(block);
  };
  return codes.bits + spread(scale) + scalarBits(zero) / double(block) + spread(min);
}

std::string_view storageLayoutName(StorageLayout layout) {
  switch (layout) {
#define PHIC_STORAGE_LAYOUT(ENUM, NAME, READER, RANGES, DESCRIPTION)                                                   \
  case StorageLayout::ENUM:                                                                                            \
    return NAME;
#include "dialects/phiq/Formats.def"
  }
  return {};
}

std::optional<StorageLayout> storageLayoutByName(std::string_view name) {
#define PHIC_STORAGE_LAYOUT(ENUM, NAME, READER, RANGES, DESCRIPTION)                                                   \
  if (name == NAME)                                                                                                    \
    return StorageLayout::ENUM;
#include "dialects/phiq/Formats.def"
  return std::nullopt;
}

bool isTransposed(StorageLayout layout) { return layout == StorageLayout::DenseKN || layout == StorageLayout::QdqKN; }

std::string checkBlockStorage(const BlockStorage &row) {
  if (row.name.empty() || !row.unpack || row.blockBytes == 0)
    return "needs a name, the bytes of a block and a function that unpacks it";
  if (storageLayoutByName(row.name))
    return "has the name of a layout of phic's own";
  if (row.ggufType && ggufTypeById(*row.ggufType))
    return "has GGUF type " + std::to_string(*row.ggufType) + ", which phic reads as " + ggufTypeName(*row.ggufType);
  if (row.format.block < 1 || row.blockElements % row.format.block)
    return "stores " + std::to_string(row.blockElements) + " elements a block, which are not whole blocks of " +
           std::to_string(row.format.block);
  return {};
}

std::optional<ConvertMethod> convertMethodByName(std::string_view name) {
#define PHIC_CONVERT_METHOD(ENUM, NAME, DESCRIPTION)                                                                   \
  if (name == NAME)                                                                                                    \
    return ConvertMethod::ENUM;
#include "dialects/phiq/Formats.def"
  return std::nullopt;
}

std::string_view convertMethodName(ConvertMethod method) {
  switch (method) {
#define PHIC_CONVERT_METHOD(ENUM, NAME, DESCRIPTION)                                                                   \
  case ConvertMethod::ENUM:                                                                                            \
    return NAME;
#include "dialects/phiq/Formats.def"
  }
  return {};
}

std::string checkRoundToNearest(const BlockFormat &format) {
  if (format.subScaleBits)
    return "has two-level scales, which round to nearest does not make";
  if (format.min != Scalar::None) {
    if (format.codes.isSigned || format.zero != Scalar::None || format.zeroConstant)
      return "has a minimum, which takes unsigned codes without a zero point";
    return {};
  }
  if (isFloat(format.zero))
    return "has float zero points, which round to nearest does not make";
  if (format.zero != Scalar::None) {
    CodeType zero = {uint8_t(scalarBits(format.zero)), format.zero == Scalar::I8 || format.zero == Scalar::I4};
    return zero == format.codes ? "" : "has zero points of another type than its codes";
  }
  int64_t middle = format.codes.isSigned ? 0 : int64_t(1) << (format.codes.bits - 1);
  if (format.zeroConstant != middle)
    return "is symmetric with zero = " + std::to_string(format.zeroConstant) + ", the middle of its codes is " +
           std::to_string(middle);
  return {};
}

const GgufType *ggufTypeByLayout(StorageLayout layout) {
  for (const GgufType &type : ggufTypes())
    if (type.layout == layout && !type.isFloat)
      return &type;
  return nullptr;
}

const GgufType *ggufTypeById(uint32_t id) {
  for (const GgufType &type : ggufTypes())
    if (type.id == id)
      return &type;
  return nullptr;
}

std::string ggufReadableTypes() {
  std::string names;
  for (const GgufType &type : ggufTypes())
    names += (names.empty() ? "" : ", ") + std::string(type.name);
  return names;
}

std::string ggufTypeName(uint32_t id) {
  switch (id) {
#define PHIC_GGUF_TYPE(ID, NAME, LAYOUT, BLOCK_ELEMENTS, BLOCK_BYTES, FORMAT)                                          \
  case ID:                                                                                                             \
    return NAME;
#define PHIC_GGUF_OTHER(ID, NAME)                                                                                      \
  case ID:                                                                                                             \
    return NAME;
#include "dialects/phiq/Formats.def"
  default:
    return "type " + std::to_string(id);
  }
}

} // namespace phic
