//===- Packing.cpp - Weights into tile order and back ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The packers and their inverses. See PackedLayout.h for the order of bytes.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Numerics.h"
#include "targets/PackedLayout.h"
#include <algorithm>
#include <array>
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
uint32_t fieldMask(const CodePlane &plane) { return kEveryByte * ((1u << plane.bits) - 1); }

/// A group's codes as the bytes of a word.
uint32_t groupWord(const int16_t *codes, int64_t shift) {
  uint32_t word = 0;
  for (int64_t i = 0; i < PackedLayout::kGroup; ++i)
    word |= uint32_t(uint8_t(codes[i] - shift)) << 8 * i;
  return word;
}

/// The words of the run that begins at `codes`; those past `count` are stored as 0.
std::array<uint32_t, 8> runWords(const PackedLayout &layout, const int16_t *codes, int64_t count) {
  constexpr int64_t kMost = 8 * PackedLayout::kGroup;
  const int64_t run = layout.runElements(), shift = layout.codeShift();
  int16_t padded[kMost];
  if (count < run) {
    std::fill_n(padded, kMost, int16_t(shift));
    std::copy_n(codes, count, padded);
    codes = padded;
  }
  std::array<uint32_t, 8> words = {};
  for (int64_t g = 0; g < run / PackedLayout::kGroup; ++g)
    words[g] = groupWord(codes + g * PackedLayout::kGroup, shift);
  return words;
}

/// The codes of one column of a tile; `out` is the column's place in the first vector.
void packCodes(const PackedLayout &layout, const int16_t *codes, int64_t length, uint8_t *out) {
  const int64_t elements = layout.runElements(), groups = elements / PackedLayout::kGroup;
  const std::span<const CodePlane> planes = layout.planes();
  for (int64_t k = 0; k < length; k += elements) {
    const std::array<uint32_t, 8> run = runWords(layout, codes + k, length - k);
    for (const CodePlane &plane : planes)
      for (int64_t first = 0; first < groups; first += plane.fields(), out += PackedLayout::kVectorBytes) {
        uint32_t word = 0;
        for (int64_t field = 0; field < plane.fields(); ++field)
          word |= (run[first + field] >> plane.shift & fieldMask(plane)) << field * plane.bits;
        std::memcpy(out, &word, sizeof word);
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
          run[first + field] |= (word >> field * plane.bits & fieldMask(plane)) << plane.shift;
      }
    for (int64_t i = 0; i < std::min(layout.runElements(), length - k); ++i) {
      auto byte = uint8_t(run[i / PackedLayout::kGroup] >> 8 * (i % PackedLayout::kGroup));
      codes[k + i] = int16_t((isSigned ? int8_t(byte) : int64_t(byte)) + shift);
    }
  }
}

/// Where the parameters of one column of a tile lie.
struct ColumnPlaces {
  ColumnPlaces(const PackedLayout &layout, int64_t length, int64_t c)
      : layout(layout), scaleAt(layout.scaleOffset(length) + c * scalarBytes(layout.blockScale())),
        zeroAt(layout.zeroOffset(length) + c * scalarBytes(layout.zero)),
        minAt(layout.minOffset(length) + c * scalarBytes(layout.blockMin())),
        superScaleAt(layout.superScaleOffset(length) + c * scalarBytes(layout.scale)),
        superMinAt(layout.superMinOffset(length) + c * scalarBytes(layout.min)) {}

  int64_t scale(int64_t b) const { return at(scaleAt, layout.blockScale(), b); }
  int64_t zero(int64_t b) const { return at(zeroAt, layout.zero, b); }
  int64_t min(int64_t b) const { return at(minAt, layout.blockMin(), b); }

  const PackedLayout &layout;
  int64_t scaleAt, zeroAt, minAt, superScaleAt, superMinAt;

private:
  static int64_t at(int64_t first, Scalar type, int64_t b) { return first + b * PackedLayout::kColumns * scalarBytes(type); }
};

/// Scales, zero points and minima of column c of the tile `out` that begins with element k0 of the row.
void packParameters(const PackedLayout &layout, const BlockRow &row, int64_t k0, int64_t length, int64_t c, uint8_t *out) {
  const ColumnPlaces places(layout, length, c);
  const bool hasMin = layout.min != Scalar::None;
  const int64_t s = k0 / kSuperBlock;
  for (int64_t i = 0; i < layout.blocks(length); ++i) {
    const int64_t b = k0 / layout.block + i;
    storeScalar(layout.blockScale(), layout.isTwoLevel() ? subScaleOf(row.scale[b], row.superScale[s]) : row.scale[b], out + places.scale(i));
    if (layout.zero != Scalar::None)
      storeScalar(layout.zero, row.zero[b] - float(layout.codeShift()), out + places.zero(i));
    if (hasMin)
      storeScalar(layout.blockMin(), layout.isTwoLevel() ? subScaleOf(row.min[b], row.superMin[s]) : row.min[b], out + places.min(i));
  }
  if (!layout.isTwoLevel())
    return;
  storeScalar(layout.scale, row.superScale[s], out + places.superScaleAt);
  if (hasMin)
    storeScalar(layout.min, row.superMin[s], out + places.superMinAt);
}

/// The inverse.
void unpackParameters(const PackedLayout &layout, const uint8_t *in, int64_t k0, int64_t length, int64_t c, BlockRow &row) {
  const ColumnPlaces places(layout, length, c);
  const bool hasMin = layout.min != Scalar::None;
  const int64_t s = k0 / kSuperBlock;
  if (layout.isTwoLevel()) {
    row.superScale[s] = loadScalar(layout.scale, in + places.superScaleAt);
    row.superMin[s] = hasMin ? loadScalar(layout.min, in + places.superMinAt) : 0;
  }
  const float scale = layout.isTwoLevel() ? row.superScale[s] : 1, min = layout.isTwoLevel() ? row.superMin[s] : 1;
  for (int64_t i = 0; i < layout.blocks(length); ++i) {
    const int64_t b = k0 / layout.block + i;
    row.scale[b] = scale * loadScalar(layout.blockScale(), in + places.scale(i));
    if (layout.zero != Scalar::None)
      row.zero[b] = loadScalar(layout.zero, in + places.zero(i)) + float(layout.codeShift());
    if (hasMin)
      row.min[b] = min * loadScalar(layout.blockMin(), in + places.min(i));
  }
}

} // namespace

void PackedLayout::packPanel(const BlockRow *rows, int64_t count, int64_t K, uint8_t *out) const {
  assert(kind == Kind::BlockPanel && count <= kColumns);
  std::memset(out, 0, panelBytes(K));
  for (int64_t k0 = 0; k0 < K; k0 += tileElements()) {
    const int64_t length = std::min(tileElements(), K - k0);
    for (int64_t c = 0; c < count; ++c) {
      packCodes(*this, rows[c].codes.data() + k0, length, out + kGroup * c);
      packParameters(*this, rows[c], k0, length, c, out);
    }
    out += tileBytes(length);
  }
}

void PackedLayout::packPanel(const float *rows, int64_t count, int64_t K, uint8_t *out) const {
  assert(kind != Kind::BlockPanel);
  if (kind == Kind::Dense) {
    std::memcpy(out, rows, 4 * count * K);
    return;
  }
  const int64_t size = scalarBytes(element);
  std::memset(out, 0, panelBytes(K));
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
  for (int64_t k0 = 0; k0 < K; k0 += tileElements()) {
    const int64_t length = std::min(tileElements(), K - k0);
    unpackCodes(*this, tile + kGroup * c, length, out->codes.data() + k0);
    unpackParameters(*this, tile, k0, length, c, *out);
    tile += tileBytes(length);
  }
}

void PackedLayout::dequantizeRow(const uint8_t *base, int64_t K, int64_t n, float *out) const {
  if (kind == Kind::Dense) {
    std::memcpy(out, base + 4 * n * K, 4 * K);
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
