//===- WeightReader.cpp - Rows of a weight, whatever its layout *- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One reader a family of layouts: floats, GGUF blocks, ONNX's separate codes,
// scales and zero points. Transposed layouts walk K in the outer loop, so that
// each cache line of the file is used for all the rows asked for.
//===----------------------------------------------------------------------===//
#include "compiler/weights/WeightReader.h"

#include "compiler/weights/ConvertingReader.h"
#include "compiler/weights/StoredBlocks.h"
#include "compiler/weights/WeightStore.h"
#include "dialects/phiq/Numerics.h"
#include <algorithm>
#include <cassert>

using namespace llvm;

namespace phic {
namespace {

bool isTransposed(const StoredAs &storedAs) { return storedAs.layout() && phic::isTransposed(*storedAs.layout()); }

float loadFloat(Scalar type, const uint8_t *bytes, int64_t index) {
  float value;
  widen(type, bytes + index * (scalarBits(type) / 8), 1, &value);
  return value;
}

/// Numbers that lie side by side, as floats: 8-bit integers are floats exactly.
void loadNumbers(Scalar type, const uint8_t *bytes, int64_t count, float *values) {
  if (isFloat(type))
    return widen(type, bytes, count, values);
  for (int64_t i = 0; i < count; ++i)
    values[i] = type == Scalar::I8 ? float(int8_t(bytes[i])) : float(bytes[i]);
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
  int sign = type.isSigned << (bits - 1);
  return int16_t((code ^ sign) - sign);
}

/// Codes [begin, begin + count) of the run. Almost all codes are of 4 or 8 bits: those loops
/// vectorize.
void loadCodes(CodeType type, const uint8_t *bytes, int64_t begin, int64_t count, int16_t *codes) {
  int64_t i = 0;
  if (type == CodeType{4, /*isSigned=*/false} && begin % 2 == 0) {
    const uint8_t *pairs = bytes + begin / 2;
    for (; i + 1 < count; i += 2) {
      codes[i] = pairs[i / 2] & 15;
      codes[i + 1] = pairs[i / 2] >> 4;
    }
  } else if (type == CodeType{8, /*isSigned=*/false}) {
    for (; i < count; ++i)
      codes[i] = bytes[begin + i];
  } else if (type == CodeType{8, /*isSigned=*/true}) {
    for (; i < count; ++i)
      codes[i] = int8_t(bytes[begin + i]);
  }
  for (; i < count; ++i)
    codes[i] = loadCode(type, bytes, begin + i);
}

/// Reads `count` rows of a transposed weight: `load(k, line)` reads element k of each, which lie
/// together in the file; `row(r)` is where the elements of row r go. A few lines at a time, so that
/// both sides stay in the cache although the file's lines are far apart.
template <typename T, typename Load, typename Row>
void readTransposed(int64_t columns, int64_t count, Load load, Row row) {
  constexpr int64_t kLines = 16;
  std::vector<T> lines(kLines * count);
  for (int64_t begin = 0; begin < columns; begin += kLines) {
    int64_t together = std::min(kLines, columns - begin);
    for (int64_t k = 0; k < together; ++k)
      load(begin + k, &lines[k * count]);
    for (int64_t r = 0; r < count; ++r) {
      T *out = row(r) + begin;
      for (int64_t k = 0; k < together; ++k)
        out[k] = lines[k * count + r];
    }
  }
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
    int64_t size = scalarBits(spec.element) / 8;
    if (!isTransposed(spec.storedAs)) {
      loadNumbers(spec.element, bytes + n0 * columns * size, count * columns, values);
      return;
    }
    readTransposed<float>(
        columns, count,
        [&](int64_t k, float *line) { loadNumbers(spec.element, bytes + (k * spec.rows + n0) * size, count, line); },
        [&](int64_t r) { return values + r * columns; });
  }
};

/// Each row is [channels, pixels] in the file, [pixels, channels] when read.
class KernelReader final : public WeightReader {
public:
  explicit KernelReader(const WeightSpec &spec) : WeightReader(spec) {}

  void readRows(int64_t, int64_t, BlockRow *) const override {
    assert(false && "a weight of numbers has no codes; ask format() first");
  }

  void dequantizeRows(int64_t n0, int64_t count, float *values) const override {
    const int64_t columns = spec.columns, channels = spec.channels, pixels = columns / channels;
    std::vector<float> row(columns);
    for (int64_t r = 0; r < count; ++r, values += columns) {
      loadNumbers(spec.element, spec.ranges[0].data() + (n0 + r) * columns * (scalarBits(spec.element) / 8), columns,
                  row.data());
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t p = 0; p < pixels; ++p)
          values[p * channels + c] = row[c * pixels + p];
    }
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
      if (!spec.format->isTwoLevel())
        continue;
      const int64_t superBlocks = (spec.columns + kSuperBlock - 1) / kSuperBlock;
      rows[r].superScale.resize(superBlocks);
      rows[r].superMin.assign(superBlocks, 0.0f);
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

/// Blocks of fixed size: of GGUF, or of a plugin's row.
class StoredBlockReader final : public BlockReader {
public:
  explicit StoredBlockReader(const WeightSpec &spec)
      : BlockReader(spec),
        unpackRow(spec.storedAs.added() ? spec.storedAs.added()->unpack : unpackerOf(*spec.storedAs.layout())),
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
      loadCodes(format.codes, codes, 0, spec.columns, rows[r].codes.data());
      widen(format.scale, spec.ranges[1].data() + n * blocks * (scalarBits(format.scale) / 8), blocks,
            rows[r].scale.data());
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
    // checkStorage allows one shorter length, that of a single scale (and zero point) for all.
    single = spec.ranges[1].size() == scalarBits(spec.format->scale) / 8;
  }

protected:
  void unpack(int64_t n0, int64_t count, BlockRow *rows) const override {
    const BlockFormat &format = *spec.format;
    const uint8_t *codes = spec.ranges[0].data();
    if (isTransposed(spec.storedAs))
      readTransposed<int16_t>(
          spec.columns, count,
          [&](int64_t k, int16_t *line) { loadCodes(format.codes, codes, k * spec.rows + n0, count, line); },
          [&](int64_t r) { return rows[r].codes.data(); });
    else
      for (int64_t r = 0; r < count; ++r)
        loadCodes(format.codes, codes, (n0 + r) * spec.columns, spec.columns, rows[r].codes.data());

    bool transposed = isTransposed(spec.storedAs);
    int64_t rowStride = transposed ? 1 : blocks, blockStride = transposed ? spec.rows : 1;
    for (int64_t b = 0; b < blocks; ++b)
      for (int64_t r = 0; r < count; ++r) {
        int64_t index = single ? 0 : (n0 + r) * rowStride + b * blockStride;
        rows[r].scale[b] = loadFloat(format.scale, spec.ranges[1].data(), index);
        if (format.zero != Scalar::None)
          rows[r].zero[b] = loadZero(format.zero, spec.ranges[2].data(), index);
      }
  }

private:
  bool single;
};

/// phic's own rows, each with all its parts (StoredRows.h writes them).
class PhicRowReader final : public BlockReader {
public:
  explicit PhicRowReader(const WeightSpec &spec)
      : BlockReader(spec), parts(phicRowBytes(*spec.format, uint64_t(spec.columns))) {}

protected:
  void unpack(int64_t n0, int64_t count, BlockRow *rows) const override {
    const BlockFormat &format = *spec.format;
    for (int64_t r = 0; r < count; ++r) {
      const uint8_t *codes = spec.ranges[0].data() + uint64_t(n0 + r) * parts.all();
      const uint8_t *scales = codes + parts.codes, *zeros = scales + parts.scales, *minima = zeros + parts.zeros;
      loadCodes(format.codes, codes, 0, spec.columns, rows[r].codes.data());
      widen(format.scale, scales, blocks, rows[r].scale.data());
      if (format.zero != Scalar::None)
        for (int64_t b = 0; b < blocks; ++b)
          rows[r].zero[b] = loadZero(format.zero, zeros, b);
      if (format.min != Scalar::None)
        widen(format.min, minima, blocks, rows[r].min.data());
    }
  }

private:
  PhicRowBytes parts;
};

template <typename Reader> std::unique_ptr<WeightReader> make(const WeightSpec &spec) {
  return std::make_unique<Reader>(spec);
}

/// The reader that the layout's row of Formats.def names; blocks of a plugin are read as those of GGUF are.
std::unique_ptr<WeightReader> makeReader(const WeightSpec &spec) {
  if (!spec.storedAs.layout())
    return make<StoredBlockReader>(spec);
  switch (*spec.storedAs.layout()) {
#define PHIC_STORAGE_LAYOUT(ENUM, NAME, READER, RANGES, DESCRIPTION)                                                   \
  case StorageLayout::ENUM:                                                                                            \
    return make<READER>(spec);
#include "dialects/phiq/Formats.def"
  }
  return nullptr;
}

} // namespace

Expected<std::unique_ptr<WeightReader>> WeightReader::create(const WeightSpec &spec) {
  if (spec.conversion) {
    Expected<std::unique_ptr<ConvertingReader>> reader = ConvertingReader::create(spec);
    if (!reader)
      return reader.takeError();
    return std::move(*reader);
  }
  auto fail = [](const std::string &message) { return createStringError(inconvertibleErrorCode(), message); };
  if (spec.rows < 1 || spec.columns < 1)
    return fail("a weight of " + std::to_string(spec.rows) + "x" + std::to_string(spec.columns) + " elements");
  std::vector<uint64_t> lengths;
  for (ArrayRef<uint8_t> range : spec.ranges)
    lengths.push_back(range.size());
  const BlockFormat *format = spec.format ? &*spec.format : nullptr;
  std::string error = spec.storedAs.check(format, spec.element, spec.rows, spec.columns, lengths);
  if (!error.empty())
    return fail(error);
  return makeReader(spec);
}

void WeightReader::release(int64_t n0, int64_t count) const {
  if (!spec.store)
    return;
  int64_t end = n0 + count;
  if (isTransposed(spec.storedAs)) {
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
