//===- PackedLayout.cpp - Weights in tile order ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The packers and their inverses. See PackedLayout.h for the order of bytes.
//===----------------------------------------------------------------------===//
#include "targets/PackedLayout.h"
#include "dialects/phiq/Numerics.h"
#include <algorithm>
#include <cassert>
#include <charconv>
#include <cstring>

namespace phic {
namespace {

bool consume(std::string_view &text, std::string_view prefix) {
  if (!text.starts_with(prefix))
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool consumeInteger(std::string_view &text, int64_t &value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc())
    return false;
  text.remove_prefix(end - text.data());
  return true;
}

/// The text up to the next underscore.
std::string_view nextWord(std::string_view &text) {
  size_t end = text.find('_');
  std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

float loadScalar(Scalar type, const uint8_t *p) {
  if (type == Scalar::I8)
    return float(int8_t(*p));
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
  if (type == Scalar::I8) {
    *p = uint8_t(int8_t(value));
  } else if (type == Scalar::F32) {
    std::memcpy(p, &value, sizeof value);
  } else {
    uint16_t bits = type == Scalar::F16 ? floatToHalf(value) : floatToBfloat(value);
    std::memcpy(p, &bits, sizeof bits);
  }
  // NaN compares unequal to itself and needs no check.
  assert((value != value || loadScalar(type, p) == value) && "packing must be exact");
}

} // namespace

int64_t scalarBytes(Scalar type) {
  switch (type) {
  case Scalar::None: return 0;
  case Scalar::F32: return 4;
  case Scalar::F16:
  case Scalar::BF16: return 2;
  case Scalar::I8:
  case Scalar::U8: return 1;
  case Scalar::I4:
  case Scalar::U4: break;
  }
  assert(false && "sub-byte scalars are not stored one by one");
  return 0;
}

PackedLayout PackedLayout::floatPanel(Scalar element) {
  PackedLayout layout;
  layout.kind = Kind::FloatPanel;
  layout.element = element;
  return layout;
}

std::optional<PackedLayout> PackedLayout::blockPanel(const BlockFormat &format, int64_t K, std::string *reason) {
  auto decline = [&](std::string why) {
    if (reason)
      *reason = std::move(why);
    return std::nullopt;
  };
  if (format.block % 16 != 0 && format.block < K)
    return decline("blocks of " + std::to_string(format.block) + " elements have no packed layout: it takes multiples of 16, or one block a row");
  PackedLayout layout;
  layout.kind = Kind::BlockPanel;
  layout.codes = format.codes;
  layout.block = format.block;
  // Two-level scales are multiplied out: an exact product of an f16 and a small integer fits f32, not f16.
  auto stored = [](Scalar type, unsigned subBits) { return type == Scalar::F16 && subBits == 0 ? Scalar::F16 : Scalar::F32; };
  layout.scale = stored(format.scale, format.subScaleBits);
  if (format.min != Scalar::None)
    layout.min = stored(format.min, format.subScaleBits);
  bool floatZero = format.zero == Scalar::F16 || format.zero == Scalar::F32 || format.zero == Scalar::BF16;
  if (format.zero != Scalar::None)
    layout.zero = floatZero ? Scalar::F32 : Scalar::I8;
  layout.zeroConstant = format.zero == Scalar::None ? format.zeroConstant : 0;
  if (floatZero && layout.codeShift() != 0)
    return decline("float zero points with " + std::string(format.codes.isSigned ? "signed" : "8-bit") +
                   " codes have no packed layout: shifting both would round");
  return layout;
}

std::string PackedLayout::name() const {
  if (kind == Kind::Dense)
    return "dense_" + std::string(scalarName(element));
  std::string text = "panel" + std::to_string(kColumns);
  if (kind == Kind::FloatPanel)
    return text + "_" + std::string(scalarName(element));
  text += "x" + std::to_string(block) + (codes.isSigned ? "_s" : "_u") + std::to_string(codes.bits) + "_" +
          std::string(scalarName(scale));
  if (zero != Scalar::None)
    text += "_z" + std::string(scalarName(zero));
  else if (zeroConstant != 0)
    text += "_z" + std::to_string(zeroConstant);
  if (min != Scalar::None)
    text += "_m" + std::string(scalarName(min));
  return text;
}

std::optional<PackedLayout> PackedLayout::parse(std::string_view text) {
  const std::string_view whole = text;
  PackedLayout layout;
  if (text == "dense_f32")
    return layout;
  if (!consume(text, "panel" + std::to_string(kColumns)))
    return std::nullopt;
  if (consume(text, "_")) {
    std::optional<Scalar> element = scalarByName(text);
    if (element != Scalar::F32 && element != Scalar::F16 && element != Scalar::BF16)
      return std::nullopt;
    return floatPanel(*element);
  }
  layout.kind = Kind::BlockPanel;
  int64_t bits = 0;
  if (!consume(text, "x") || !consumeInteger(text, layout.block) || !consume(text, "_") || text.empty())
    return std::nullopt;
  layout.codes.isSigned = text.front() == 's';
  text.remove_prefix(1);
  if (!consumeInteger(text, bits) || bits < 2 || bits > 8 || layout.block < 1 || !consume(text, "_"))
    return std::nullopt;
  layout.codes.bits = uint8_t(bits);
  layout.scale = scalarByName(nextWord(text)).value_or(Scalar::None);
  while (!text.empty()) {
    std::string_view word = nextWord(text);
    if (consume(word, "m"))
      layout.min = scalarByName(word).value_or(Scalar::None);
    else if (!consume(word, "z"))
      return std::nullopt;
    else if (std::optional<Scalar> type = scalarByName(word))
      layout.zero = *type;
    else if (!consumeInteger(word, layout.zeroConstant))
      return std::nullopt;
  }
  // One spelling only: what does not print back is not a name.
  if (layout.scale == Scalar::None || layout.name() != whole)
    return std::nullopt;
  return layout;
}

CodeType PackedLayout::storedCodes() const {
  if (nibbles())
    return {4, /*isSigned=*/false};
  return codes.bits == 8 ? CodeType{8, /*isSigned=*/true} : CodeType{codes.bits, /*isSigned=*/false};
}

int64_t PackedLayout::codeShift() const {
  if (codes.bits == 8)
    return codes.isSigned ? 0 : 128;
  if (!codes.isSigned)
    return 0;
  return nibbles() ? -8 : -(int64_t(1) << (codes.bits - 1));
}

int64_t PackedLayout::paddedK(int64_t K) const {
  int64_t whole = K / block;
  return whole * storedElements(block) + storedElements(K - whole * block);
}

int64_t PackedLayout::parameterBytes() const {
  return kColumns * (scalarBytes(scale) + scalarBytes(zero) + scalarBytes(min));
}
int64_t PackedLayout::zeroOffset(int64_t elements) const { return scaleOffset(elements) + kColumns * scalarBytes(scale); }
int64_t PackedLayout::minOffset(int64_t elements) const { return zeroOffset(elements) + kColumns * scalarBytes(zero); }

int64_t PackedLayout::panelBytes(int64_t K) const {
  switch (kind) {
  case Kind::Dense: return 4 * K;
  case Kind::FloatPanel: return K * kColumns * scalarBytes(element);
  case Kind::BlockPanel: break;
  }
  return codeBytes(paddedK(K)) + blocks(K) * parameterBytes();
}

int64_t PackedLayout::bytes(int64_t N, int64_t K) const {
  return kind == Kind::Dense ? 4 * N * K : panels(N) * panelBytes(K);
}

int64_t PackedLayout::codeByte(int64_t c, int64_t k) const {
  return nibbles() ? k / 8 * 32 + c * 4 + k % 4 : k / 4 * 32 + c * 4 + k % 4;
}

/// Eight codes of one column as four bytes, low nibbles first: the column's part of a vector.
static uint32_t nibbleWord(const int16_t *codes, int64_t shift) {
  uint32_t word = 0;
  for (unsigned i = 0; i < 4; ++i)
    word |= uint32_t(((codes[i] - shift) & 15) | ((codes[i + 4] - shift) & 15) << 4) << 8 * i;
  return word;
}
static uint32_t byteWord(const int16_t *codes, int64_t shift) {
  uint32_t word = 0;
  for (unsigned i = 0; i < 4; ++i)
    word |= uint32_t(uint8_t(codes[i] - shift)) << 8 * i;
  return word;
}

/// The codes of one column of a tile; `out` is the column's place in the first vector.
static void packCodes(const int16_t *codes, int64_t length, int64_t shift, bool nibbles, uint8_t *out) {
  const int64_t step = nibbles ? 8 : 4;
  for (int64_t k = 0; k < length; k += step, out += 4 * PackedLayout::kColumns) {
    int16_t padded[8];
    const int16_t *from = codes + k;
    if (k + step > length) {
      std::fill_n(padded, 8, int16_t(shift)); // stored as 0
      std::copy(from, codes + length, padded);
      from = padded;
    }
    uint32_t word = nibbles ? nibbleWord(from, shift) : byteWord(from, shift);
    std::memcpy(out, &word, sizeof word);
  }
}

void PackedLayout::packPanel(const BlockRow *rows, int64_t count, int64_t K, uint8_t *out) const {
  assert(kind == Kind::BlockPanel && count <= kColumns);
  std::memset(out, 0, panelBytes(K));
  const int64_t shift = codeShift();
  for (int64_t b = 0; b < blocks(K); ++b) {
    int64_t k0 = b * block, length = std::min(block, K - k0), stored = storedElements(length);
    for (int64_t c = 0; c < count; ++c) {
      const BlockRow &row = rows[c];
      packCodes(row.codes.data() + k0, length, shift, nibbles(), out + 4 * c);
      storeScalar(scale, row.scale[b], out + scaleOffset(stored) + c * scalarBytes(scale));
      if (zero != Scalar::None)
        storeScalar(zero, row.zero[b] - float(shift), out + zeroOffset(stored) + c * scalarBytes(zero));
      if (min != Scalar::None)
        storeScalar(min, row.min[b], out + minOffset(stored) + c * scalarBytes(min));
    }
    out += codeBytes(stored) + parameterBytes();
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
  const int64_t c = n % kColumns, shift = codeShift(), count = blocks(K);
  const bool byteIsSigned = storedCodes().isSigned;
  out->codes.resize(K);
  out->scale.assign(count, 0.0f);
  out->zero.assign(count, float(zeroConstant));
  out->min.assign(count, 0.0f);
  for (int64_t b = 0; b < count; ++b) {
    int64_t k0 = b * block, length = std::min(block, K - k0), stored = storedElements(length);
    for (int64_t k = 0; k < length; ++k) {
      uint8_t byte = tile[codeByte(c, k)];
      int64_t code = byteIsSigned ? int8_t(byte) : !nibbles() ? byte : k % 8 >= 4 ? byte >> 4 : byte & 15;
      out->codes[k0 + k] = int16_t(code + shift);
    }
    out->scale[b] = loadScalar(scale, tile + scaleOffset(stored) + c * scalarBytes(scale));
    if (zero != Scalar::None)
      out->zero[b] = loadScalar(zero, tile + zeroOffset(stored) + c * scalarBytes(zero)) + float(shift);
    if (min != Scalar::None)
      out->min[b] = loadScalar(min, tile + minOffset(stored) + c * scalarBytes(min));
    tile += codeBytes(stored) + parameterBytes();
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
