//===- WeightReader.cpp - Rows of a weight, whatever its layout *- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One reader a family of layouts: floats, GGUF blocks, ONNX's separate codes,
// scales and zero points. Transposed layouts walk K in the outer loop, so that
// each cache line of the file is used for all the rows asked for.
//===----------------------------------------------------------------------===//
#include "compiler/weights/WeightReader.h"

#include "compiler/weights/StoredBlocks.h"
#include "compiler/weights/WeightStore.h"
#include "dialects/phiq/Numerics.h"
#include "llvm/Support/Endian.h"
#include <algorithm>
#include <bit>
#include <cassert>

using namespace llvm;

namespace phic {
namespace {

float loadFloat(Scalar type, const uint8_t *bytes, int64_t index) {
  switch (type) {
  case Scalar::F16:
    return halfToFloat(support::endian::read16le(bytes + 2 * index));
  case Scalar::BF16:
    return bfloatToFloat(support::endian::read16le(bytes + 2 * index));
  default:
    assert(type == Scalar::F32);
    return std::bit_cast<float>(support::endian::read32le(bytes + 4 * index));
  }
}

/// Code `index` of a run of codes packed low bits first.
int16_t loadCode(CodeType type, const uint8_t *bytes, int64_t index) {
  unsigned bits = type.bits;
  int code;
  if (bits == 8) {
    code = bytes[index];
  } else if (bits == 4) {
    code = bytes[index / 2] >> (index % 2 * 4) & 15;
  } else {
    uint64_t bit = uint64_t(index) * bits;
    code = bytes[bit / 8] >> bit % 8;
    if (bit % 8 + bits > 8)
      code |= bytes[bit / 8 + 1] << (8 - bit % 8);
    code &= (1 << bits) - 1;
  }
  if (type.isSigned && code >> (bits - 1))
    code -= 1 << bits;
  return int16_t(code);
}

/// Zero point `index`: a float, or an integer packed like the codes.
float loadZero(Scalar type, const uint8_t *bytes, int64_t index) {
  if (isFloat(type))
    return loadFloat(type, bytes, index);
  CodeType codes = {uint8_t(scalarBits(type)), type == Scalar::I8 || type == Scalar::I4};
  return loadCode(codes, bytes, index);
}

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

class FloatReader final : public WeightReader {
public:
  explicit FloatReader(const WeightSpec &spec) : WeightReader(spec) {}

  void readRows(int64_t, int64_t, BlockRow *) const override {
    assert(false && "a weight of floats has no codes; ask format() first");
  }

  void dequantizeRows(int64_t n0, int64_t count, float *values) const override {
    assert(n0 >= 0 && n0 + count <= spec.rows);
    const uint8_t *bytes = spec.ranges[0].data();
    int64_t columns = spec.columns;
    if (spec.layout == StorageLayout::DenseNK) {
      for (int64_t i = 0; i < count * columns; ++i)
        values[i] = loadFloat(spec.element, bytes, n0 * columns + i);
      return;
    }
    for (int64_t k = 0; k < columns; ++k)
      for (int64_t r = 0; r < count; ++r)
        values[r * columns + k] = loadFloat(spec.element, bytes, k * spec.rows + n0 + r);
  }
};

//===----------------------------------------------------------------------===//
// Block formats
//===----------------------------------------------------------------------===//

/// What all block formats share: sizing the rows, constant zeros, dequantization.
class BlockReader : public WeightReader {
public:
  explicit BlockReader(const WeightSpec &spec)
      : WeightReader(spec), blocks((spec.columns + spec.format->block - 1) / spec.format->block) {}

  void readRows(int64_t n0, int64_t count, BlockRow *rows) const final {
    assert(n0 >= 0 && n0 + count <= spec.rows);
    for (int64_t r = 0; r < count; ++r) {
      rows[r].codes.resize(spec.columns);
      rows[r].scale.resize(blocks);
      rows[r].zero.assign(blocks, float(spec.format->zeroConstant));
      rows[r].min.assign(blocks, 0.0f);
    }
    unpack(n0, count, rows);
  }

  void dequantizeRows(int64_t n0, int64_t count, float *values) const final {
    constexpr int64_t kTogether = 16;
    BlockRow rows[kTogether];
    for (int64_t begin = 0; begin < count; begin += kTogether) {
      int64_t together = std::min(kTogether, count - begin);
      readRows(n0 + begin, together, rows);
      for (int64_t r = 0; r < together; ++r)
        dequantizeRow(rows[r], *spec.format, values + (begin + r) * spec.columns);
    }
  }

protected:
  virtual void unpack(int64_t n0, int64_t count, BlockRow *rows) const = 0;
  int64_t blocks; ///< of a row
};

class GgufReader final : public BlockReader {
public:
  explicit GgufReader(const WeightSpec &spec)
      : BlockReader(spec), unpackRow(unpackerOf(spec.layout)),
        rowBytes(spec.ranges[0].size() / spec.rows) {}

protected:
  void unpack(int64_t n0, int64_t count, BlockRow *rows) const override {
    for (int64_t r = 0; r < count; ++r)
      unpackRow(spec.ranges[0].data() + (n0 + r) * rowBytes, spec.columns, rows[r]);
  }

private:
  UnpackRow unpackRow;
  int64_t rowBytes;
};

/// codes [N, blocks, blob], scales [N, blocks], zeros [N, packed to bytes] or floats [N, blocks].
class NBitsReader final : public BlockReader {
public:
  using BlockReader::BlockReader;

protected:
  void unpack(int64_t n0, int64_t count, BlockRow *rows) const override {
    const BlockFormat &format = *spec.format;
    // A block is a whole number of bytes, so codes of a row are contiguous, padding last.
    int64_t codeBytes = blocks * (format.block * format.codes.bits / 8);
    int64_t zeroBytes = (blocks * scalarBits(format.zero) + 7) / 8;
    for (int64_t r = 0, n = n0; r < count; ++r, ++n) {
      const uint8_t *codes = spec.ranges[0].data() + n * codeBytes;
      for (int64_t k = 0; k < spec.columns; ++k)
        rows[r].codes[k] = loadCode(format.codes, codes, k);
      for (int64_t b = 0; b < blocks; ++b)
        rows[r].scale[b] = loadFloat(format.scale, spec.ranges[1].data(), n * blocks + b);
      if (format.zero != Scalar::None)
        for (int64_t b = 0; b < blocks; ++b)
          rows[r].zero[b] = loadZero(format.zero, spec.ranges[2].data() + n * zeroBytes, b);
    }
  }
};

/// codes, scales and zeros packed flat, [N, K] and [N, blocks] or transposed, or one scale and zero
/// for all.
class QdqReader final : public BlockReader {
public:
  explicit QdqReader(const WeightSpec &spec) : BlockReader(spec) {
    bool transposed = isTransposed(spec.layout);
    rowStride = transposed ? 1 : spec.columns;
    columnStride = transposed ? spec.rows : 1;
    // checkStorage allows one shorter length, that of a single scale (and zero point) for all.
    single = spec.ranges[1].size() == scalarBits(spec.format->scale) / 8;
  }

protected:
  void unpack(int64_t n0, int64_t count, BlockRow *rows) const override {
    const BlockFormat &format = *spec.format;
    const uint8_t *codes = spec.ranges[0].data();
    auto load = [&](int64_t r, int64_t k) {
      rows[r].codes[k] = loadCode(format.codes, codes, (n0 + r) * rowStride + k * columnStride);
    };
    if (isTransposed(spec.layout))
      for (int64_t k = 0; k < spec.columns; ++k)
        for (int64_t r = 0; r < count; ++r)
          load(r, k);
    else
      for (int64_t r = 0; r < count; ++r)
        for (int64_t k = 0; k < spec.columns; ++k)
          load(r, k);

    int64_t blockStride = columnStride, rowOfBlocks = isTransposed(spec.layout) ? 1 : blocks;
    for (int64_t b = 0; b < blocks; ++b)
      for (int64_t r = 0; r < count; ++r) {
        int64_t index = single ? 0 : (n0 + r) * rowOfBlocks + b * blockStride;
        rows[r].scale[b] = loadFloat(format.scale, spec.ranges[1].data(), index);
        if (format.zero != Scalar::None)
          rows[r].zero[b] = loadZero(format.zero, spec.ranges[2].data(), index);
      }
  }

private:
  int64_t rowStride, columnStride;
  bool single;
};

} // namespace

Expected<std::unique_ptr<WeightReader>> WeightReader::create(const WeightSpec &spec) {
  auto fail = [](const std::string &message) {
    return createStringError(inconvertibleErrorCode(), message);
  };
  if (spec.rows < 1 || spec.columns < 1)
    return fail("a weight of " + std::to_string(spec.rows) + "x" + std::to_string(spec.columns) +
                " elements");
  std::vector<uint64_t> lengths;
  for (ArrayRef<uint8_t> range : spec.ranges)
    lengths.push_back(range.size());
  std::string error = checkStorage(spec.layout, spec.format ? &*spec.format : nullptr, spec.element,
                                   spec.rows, spec.columns, lengths);
  if (!error.empty())
    return fail(error);
  if (!spec.format)
    return std::make_unique<FloatReader>(spec);
  if (spec.layout == StorageLayout::NBits)
    return std::make_unique<NBitsReader>(spec);
  if (unpackerOf(spec.layout))
    return std::make_unique<GgufReader>(spec);
  return std::make_unique<QdqReader>(spec);
}

void WeightReader::release(int64_t n0, int64_t count) const {
  if (!spec.store)
    return;
  int64_t end = n0 + count;
  if (isTransposed(spec.layout)) {
    if (end != spec.rows)
      return;
    n0 = 0;
  }
  for (ArrayRef<uint8_t> range : spec.ranges) {
    // Rows share a range's bytes equally, but for flat packing to half bytes, which does not matter
    // here.
    size_t rowBytes = range.size() / spec.rows;
    size_t last = end == spec.rows ? range.size() : end * rowBytes;
    spec.store->release(range.slice(n0 * rowBytes, last - n0 * rowBytes));
  }
}

} // namespace phic
