//===- StoredLengths.cpp - Whether byte ranges can be a weight -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many bytes a layout takes for a weight of a format, against what a file gives.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/BlockStorage.h"

namespace phic {
namespace {

/// Saturating arithmetic on sizes: an overflow gives a length that no file has.
uint64_t times(uint64_t a, uint64_t b) {
  uint64_t product;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}
uint64_t bytesOfBits(uint64_t bits) { return bits / 8 + (bits % 8 != 0); }

/// The lengths of a weight's ranges: `full`, or `single` where one scale and zero point stand for
/// all rows and blocks (empty: not allowed).
struct StoredLengths {
  std::vector<uint64_t> full, single;
};

StoredLengths lengthsOfOnnx(StorageLayout layout, const BlockFormat &format, uint64_t rows, uint64_t columns) {
  uint64_t blocks = columns / format.block + (columns % format.block != 0);
  uint64_t numbers = times(rows, blocks);
  uint64_t scale = scalarBits(format.scale) / 8, zeroBits = scalarBits(format.zero);
  if (layout == StorageLayout::NBits) {
    uint64_t blob = times(format.block, format.codes.bits) / 8;
    StoredLengths lengths{{times(numbers, blob), times(numbers, scale)}, {}};
    if (zeroBits)
      lengths.full.push_back(times(rows, bytesOfBits(times(blocks, zeroBits))));
    return lengths;
  }
  uint64_t codes = bytesOfBits(times(times(rows, columns), format.codes.bits));
  StoredLengths lengths{{codes, times(numbers, scale)}, {codes, scale}};
  if (zeroBits) {
    lengths.full.push_back(bytesOfBits(times(numbers, zeroBits)));
    lengths.single.push_back(bytesOfBits(zeroBits));
  }
  return lengths;
}

std::string checkLengths(const std::string &name, const StoredLengths &wanted, const std::vector<uint64_t> &lengths) {
  if (lengths.size() != wanted.full.size())
    return "layout " + name + " of this type names " + std::to_string(wanted.full.size()) + " ranges, found " +
           std::to_string(lengths.size());
  if (lengths == wanted.single)
    return {};
  for (size_t i = 0; i < lengths.size(); ++i)
    if (lengths[i] != wanted.full[i])
      return "range " + std::to_string(i) + " has " + std::to_string(lengths[i]) + " bytes, layout " + name +
             " of this type asks for " + std::to_string(wanted.full[i]);
  return {};
}

/// Why a layout of ONNX cannot store the format, or an empty string.
std::string checkOnnxFormat(StorageLayout layout, const BlockFormat &format) {
  bool isNBits = layout == StorageLayout::NBits;
  bool codesFit = isNBits ? !format.codes.isSigned && format.block * format.codes.bits % 8 == 0
                          : format.codes.bits == 2 || format.codes.bits == 4 || format.codes.bits == 8;
  bool zerosFit = format.zero == Scalar::None || isFloat(format.zero) || scalarBits(format.zero) == format.codes.bits;
  if (codesFit && zerosFit && format.subScaleBits == 0 && format.min == Scalar::None)
    return {};
  return "cannot be stored as '" + std::string(storageLayoutName(layout)) + "'";
}

} // namespace

PhicRowBytes phicRowBytes(const BlockFormat &format, uint64_t columns) {
  const uint64_t blocks = columns / format.block + (columns % format.block != 0);
  auto bytes = [&](uint64_t count, unsigned bits) { return bytesOfBits(times(count, bits)); };
  return {bytes(columns, format.codes.bits), bytes(blocks, scalarBits(format.scale)),
          bytes(blocks, scalarBits(format.zero)), bytes(blocks, scalarBits(format.min))};
}

std::string checkStorage(StorageLayout layout, const BlockFormat *format, Scalar element, int64_t rows, int64_t columns,
                         const std::vector<uint64_t> &lengths) {
  std::string name = "'" + std::string(storageLayoutName(layout)) + "'";
  bool isDense =
      layout == StorageLayout::DenseNK || layout == StorageLayout::DenseKN || layout == StorageLayout::DenseOIHW;
  if (isDense != !format)
    return name + (isDense ? " stores floats, found " : " stores a block format, found ") +
           (format ? "block<" + format->str() + ">" : std::string(scalarName(element)));
  StoredLengths wanted;
  if (isDense) {
    wanted = {{times(times(rows, columns), scalarBits(element) / 8)}, {}};
  } else if (layout == StorageLayout::PhicRows) {
    if (format->isTwoLevel())
      return "block<" + format->str() + "> cannot be stored as " + name;
    wanted = {{times(rows, phicRowBytes(*format, columns).all())}, {}};
  } else if (const GgufType *type = ggufTypeByLayout(layout)) {
    return checkStorage({.name = std::string(storageLayoutName(layout)),
                         .blockElements = type->blockElements,
                         .blockBytes = type->blockBytes,
                         .format = type->format},
                        format, rows, columns, lengths);
  } else {
    if (std::string error = checkOnnxFormat(layout, *format); !error.empty())
      return "block<" + format->str() + "> " + error;
    wanted = lengthsOfOnnx(layout, *format, rows, columns);
  }
  return checkLengths(name, wanted, lengths);
}

std::string checkStorage(const BlockStorage &storage, const BlockFormat *format, int64_t rows, int64_t columns,
                         const std::vector<uint64_t> &lengths) {
  std::string name = "'" + storage.name + "'";
  if (!format)
    return name + " stores a block format, found floats";
  if (*format != storage.format)
    return name + " stores block<" + storage.format.str() + ">, found block<" + format->str() + ">";
  if (columns % storage.blockElements)
    return name + " stores whole blocks of " + std::to_string(storage.blockElements) + ", found rows of " +
           std::to_string(columns);
  uint64_t bytes = times(times(rows, columns / storage.blockElements), storage.blockBytes);
  return checkLengths(name, {{bytes}, {}}, lengths);
}

} // namespace phic
