//===- Packing.cpp - Weights into tile order and back ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The packers and their inverses. See PackedLayout.h for the order of bytes.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Numerics.h"
#include "targets/layout/PackedLayout.h"
#include "targets/layout/PairedWords.h"
#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

namespace phic {
namespace {

float loadScalar(Scalar type, const uint8_t *p) {
  if (type == Scalar::I8)
    return float(int8_t(*p));
  if (type == Scalar::U8)
    return float(*p);
  if (type == Scalar::F32) {
    float value;
    std::memcpy(&value, p, sizeof value);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, p, sizeof bits);
  return type == Scalar::F16 ? halfToFloat(bits) : bfloatToFloat(bits);
}

/// Stores a value that `type` holds exactly.
void storeScalar(Scalar type, float value, uint8_t *p) {
  if (type == Scalar::I8 || type == Scalar::U8) {
    *p = uint8_t(int32_t(value));
  } else if (type == Scalar::F32) {
    std::memcpy(p, &value, sizeof value);
  } else {
    uint16_t bits = type == Scalar::F16 ? floatToHalf(value) : floatToBfloat(value);
    std::memcpy(p, &bits, sizeof bits);
  }
  // NaN compares unequal to itself and needs no check.
  assert((value != value || loadScalar(type, p) == value) && "packing must be exact");
}

/// The integer that `super` was multiplied by. An infinite or missing number stays what it is by any that is not 0.
float subScaleOf(float product, float super) {
  if (super == 0 || product != product)
    return 0;
  if (std::isinf(super))
    return product == super ? 1 : -1;
  assert(std::nearbyint(product / super) * super == product && "a two-level row comes with its outer factors");
  return std::nearbyint(product / super);
}

constexpr uint32_t kEveryByte = 0x01010101;
constexpr uint32_t fieldMask(int64_t bits) { return kEveryByte * ((1u << bits) - 1); }

/// One plane of a run: `words` are its `groups` groups of codes, `out` is the column's place in the plane's first vector.
template <int64_t kBits> void packPlane(const uint32_t *words, int64_t groups, int64_t shift, uint8_t *out) {
  constexpr int64_t kFields = 8 / kBits;
  for (int64_t first = 0; first < groups; first += kFields, out += PackedLayout::kVectorBytes) {
    uint32_t word = 0;
    for (int64_t field = 0; field < kFields; ++field)
      word |= (words[first + field] >> shift & fieldMask(kBits)) << field * kBits;
    std::memcpy(out, &word, sizeof word);
  }
}

void packPlane(const CodePlane &plane, const uint32_t *words, int64_t groups, uint8_t *out) {
  switch (plane.bits) {
  case 1:
    return packPlane<1>(words, groups, plane.shift, out);
  case 2:
    return packPlane<2>(words, groups, plane.shift, out);
  case 4:
    return packPlane<4>(words, groups, plane.shift, out);
  case 8:
    return packPlane<8>(words, groups, plane.shift, out);
  }
  assert(false && "planes have 1, 2, 4 or 8 bits");
}

/// What a layout says of codes, asked once a panel: they are the work.
struct CodePlaces {
  explicit CodePlaces(const PackedLayout &layout)
      : planes(layout.planes()), groups(layout.runElements() / PackedLayout::kGroup), shift(layout.codeShift()) {}

  std::span<const CodePlane> planes;
  int64_t groups; ///< of a run
  int64_t shift;
};

/// The codes of one column of a tile; `out` is the column's place in the first vector.
void packCodes(const CodePlaces &places, const int16_t *codes, int64_t length, uint8_t *out) {
  constexpr int64_t kTogether = 256; // whole runs
  for (int64_t k = 0; k < length; k += kTogether) {
    const int64_t count = std::min(kTogether, length - k);
    uint8_t bytes[kTogether] = {}; // those past the end are stored as 0
    for (int64_t i = 0; i < count; ++i)
      bytes[i] = uint8_t(codes[k + i] - places.shift);
    uint32_t words[kTogether / PackedLayout::kGroup];
    std::memcpy(words, bytes, sizeof words);
    for (int64_t g = 0; g * PackedLayout::kGroup < count; g += places.groups)
      for (const CodePlane &plane : places.planes) {
        packPlane(plane, words + g, places.groups, out);
        out += places.groups / plane.fields() * PackedLayout::kVectorBytes;
      }
  }
}

/// The inverse.
void unpackCodes(const PackedLayout &layout, const uint8_t *in, int64_t length, int16_t *codes) {
  const int64_t groups = layout.runElements() / PackedLayout::kGroup, shift = layout.codeShift();
  const bool isSigned = layout.storedCodes().isSigned;
  for (int64_t k = 0; k < length; k += layout.runElements()) {
    uint32_t run[8] = {};
    for (const CodePlane &plane : layout.planes())
      for (int64_t first = 0; first < groups; first += plane.fields(), in += PackedLayout::kVectorBytes) {
        uint32_t word;
        std::memcpy(&word, in, sizeof word);
        for (int64_t field = 0; field < plane.fields(); ++field)
          run[first + field] |= (word >> field * plane.bits & fieldMask(plane.bits)) << plane.shift;
      }
    for (int64_t i = 0; i < std::min(layout.runElements(), length - k); ++i) {
      auto byte = uint8_t(run[i / PackedLayout::kGroup] >> 8 * (i % PackedLayout::kGroup));
      codes[k + i] = int16_t((isSigned ? int8_t(byte) : int64_t(byte)) + shift);
    }
  }
}

/// Where the parameters of a tile of `length` elements lie: those of its first column, and how far the next ones are.
struct ParameterPlaces {
  ParameterPlaces(const PackedLayout &layout, int64_t length)
      : scale(layout.blockScale(), layout.scaleOffset(length)), zero(layout.zero, layout.zeroOffset(length)),
        min(layout.blockMin(), layout.minOffset(length)), superScale(layout.scale, layout.superScaleOffset(length)),
        superMin(layout.min, layout.superMinOffset(length)), blocks(layout.blocks(length)),
        tileBytes(layout.tileBytes(length)), isTwoLevel(layout.isTwoLevel()), zeroShift(float(layout.codeShift())) {}

  /// Numbers of one kind.
  struct Kind {
    Kind(Scalar type, int64_t offset) : type(type), offset(offset), bytes(scalarBytes(type)) {}
    bool exists() const { return type != Scalar::None; }
    int64_t at(int64_t b, int64_t c) const { return offset + (b * PackedLayout::kColumns + c) * bytes; }
    float load(const uint8_t *tile, int64_t b, int64_t c) const { return loadScalar(type, tile + at(b, c)); }
    void store(float value, uint8_t *tile, int64_t b, int64_t c) const { storeScalar(type, value, tile + at(b, c)); }

    Scalar type;
    int64_t offset, bytes;
  };

  Kind scale, zero, min, superScale, superMin;
  int64_t blocks, tileBytes;
  bool isTwoLevel;
  float zeroShift;
};

/// Scales, zero points and minima of column c of a tile; `b0` and `s0` are its first block and its super-block in the row.
void packParameters(const ParameterPlaces &places, const BlockRow &row, int64_t b0, int64_t s0, int64_t c,
                    uint8_t *tile) {
  for (int64_t i = 0; i < places.blocks; ++i) {
    const int64_t b = b0 + i;
    places.scale.store(places.isTwoLevel ? subScaleOf(row.scale[b], row.superScale[s0]) : row.scale[b], tile, i, c);
    if (places.zero.exists())
      places.zero.store(row.zero[b] - places.zeroShift, tile, i, c);
    if (places.min.exists())
      places.min.store(places.isTwoLevel ? subScaleOf(row.min[b], row.superMin[s0]) : row.min[b], tile, i, c);
  }
  if (!places.isTwoLevel)
    return;
  places.superScale.store(row.superScale[s0], tile, 0, c);
  if (places.min.exists())
    places.superMin.store(row.superMin[s0], tile, 0, c);
}

/// The inverse.
void unpackParameters(const ParameterPlaces &places, const uint8_t *tile, int64_t b0, int64_t s0, int64_t c,
                      BlockRow &row) {
  float scale = 1, min = 1;
  if (places.isTwoLevel) {
    scale = row.superScale[s0] = places.superScale.load(tile, 0, c);
    min = row.superMin[s0] = places.min.exists() ? places.superMin.load(tile, 0, c) : 0;
  }
  for (int64_t i = 0; i < places.blocks; ++i) {
    const int64_t b = b0 + i;
    row.scale[b] = scale * places.scale.load(tile, i, c);
    if (places.zero.exists())
      row.zero[b] = places.zero.load(tile, i, c) + places.zeroShift;
    if (places.min.exists())
      row.min[b] = min * places.min.load(tile, i, c);
  }
}

/// Calls `visit(k0, length, places)` for each tile of a row of K elements: all have the same places, but for a shorter last one.
template <typename Visit> void forEachTile(const PackedLayout &layout, int64_t K, Visit visit) {
  const int64_t elements = layout.tileElements(), whole = K / elements * elements;
  const ParameterPlaces places(layout, elements);
  for (int64_t k0 = 0; k0 < whole; k0 += elements)
    visit(k0, elements, places);
  if (whole < K)
    visit(whole, K - whole, ParameterPlaces(layout, K - whole));
}

} // namespace

void PackedLayout::packPanel(const BlockRow *rows, int64_t count, int64_t K, uint8_t *out) const {
  assert(kind == Kind::BlockPanel && count <= kColumns);
  std::memset(out, 0, panelBytes(K));
  const CodePlaces codePlaces(*this);
  forEachTile(*this, K, [&](int64_t k0, int64_t length, const ParameterPlaces &places) {
    for (int64_t c = 0; c < count; ++c) {
      packCodes(codePlaces, rows[c].codes.data() + k0, length, out + kGroup * c);
      packParameters(places, rows[c], k0 / block, k0 / kSuperBlock, c, out);
    }
    out += places.tileBytes;
  });
}

namespace {

/// Where element k of column c of a code panel is.
int64_t codeAt(int64_t k, int64_t c) {
  return k / PackedLayout::kGroup * PackedLayout::kVectorBytes + c * PackedLayout::kGroup + k % PackedLayout::kGroup;
}

/// `out` is a code panel of zeros.
void packIntegers(const float *rows, int64_t count, int64_t K, int64_t shift, int32_t *sums, uint8_t *out) {
  for (int64_t c = 0; c < count; ++c)
    for (int64_t k = 0; k < K; ++k) {
      const auto code = int8_t(int64_t(rows[c * K + k]) - shift);
      out[codeAt(k, c)] = uint8_t(code);
      sums[c] = int32_t(uint32_t(sums[c]) + uint32_t(int32_t(code))); // wraps, as what it is taken off from does
    }
}

} // namespace

void PackedLayout::packPanel(const float *rows, int64_t count, int64_t K, uint8_t *out) const {
  assert(kind != Kind::BlockPanel);
  const int64_t size = scalarBytes(element);
  if (kind == Kind::Dense && element == Scalar::F32) {
    std::memcpy(out, rows, size_t(4 * count * K));
    return;
  }
  if (kind == Kind::Dense) {
    for (int64_t i = 0; i < count * K; ++i)
      storeScalar(element, rows[i], out + i * size);
    return;
  }
  std::memset(out, 0, panelBytes(K));
  if (kind == Kind::CodePanel) {
    int32_t sums[kColumns] = {};
    packIntegers(rows, count, K, codeShift(), sums, out);
    std::memcpy(out + sumOffset(K), sums, sizeof sums);
    PairedWord::pack(out, groups(K), out + pairedOffset(K));
    return;
  }
  for (int64_t c = 0; c < count; ++c)
    for (int64_t k = 0; k < K; ++k)
      storeScalar(element, rows[c * K + k], out + (k * kColumns + c) * size);
}

void PackedLayout::unpackRow(const uint8_t *base, int64_t K, int64_t n, BlockRow *out) const {
  assert(kind == Kind::BlockPanel);
  const uint8_t *tile = base + n / kColumns * panelBytes(K);
  const int64_t c = n % kColumns, superBlocks = isTwoLevel() ? (K + kSuperBlock - 1) / kSuperBlock : 0;
  out->codes.resize(K);
  out->scale.assign(blocks(K), 0.0f);
  out->zero.assign(blocks(K), float(zeroConstant));
  out->min.assign(blocks(K), 0.0f);
  out->superScale.assign(superBlocks, 0.0f);
  out->superMin.assign(superBlocks, 0.0f);
  forEachTile(*this, K, [&](int64_t k0, int64_t length, const ParameterPlaces &places) {
    unpackCodes(*this, tile + kGroup * c, length, out->codes.data() + k0);
    unpackParameters(places, tile, k0 / block, k0 / kSuperBlock, c, *out);
    tile += places.tileBytes;
  });
}

void PackedLayout::dequantizeRow(const uint8_t *base, int64_t K, int64_t n, float *out) const {
  if (kind == Kind::Dense && element == Scalar::F32) {
    std::memcpy(out, base + 4 * n * K, size_t(4 * K));
    return;
  }
  if (kind == Kind::Dense) {
    for (int64_t k = 0; k < K; ++k)
      out[k] = loadScalar(element, base + n * K + k);
    return;
  }
  if (kind == Kind::CodePanel) {
    const uint8_t *panel = base + n / kColumns * panelBytes(K);
    for (int64_t k = 0; k < K; ++k)
      out[k] = float(int8_t(panel[codeAt(k, n % kColumns)]) + codeShift());
    return;
  }
  if (kind == Kind::FloatPanel) {
    const uint8_t *column = base + n / kColumns * panelBytes(K) + n % kColumns * scalarBytes(element);
    for (int64_t k = 0; k < K; ++k)
      out[k] = loadScalar(element, column + k * kColumns * scalarBytes(element));
    return;
  }
  BlockRow row;
  unpackRow(base, K, n, &row);
  for (int64_t k = 0; k < K; ++k) {
    int64_t b = k / block;
    out[k] = min == Scalar::None ? dequantize(row.codes[k], row.scale[b], row.zero[b])
                                 : dequantize(row.codes[k], row.scale[b], row.zero[b], row.min[b]);
  }
}

} // namespace phic
