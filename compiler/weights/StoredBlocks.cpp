//===- StoredBlocks.cpp - Blocks as ggml stores them -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One function a row of Formats.def's GGUF table; each begins with the bytes of
// a stored block. Products of a two-level scale are exact in f32 (11 + 8 bits).
//===----------------------------------------------------------------------===//
#include "compiler/weights/StoredBlocks.h"

#include "dialects/phiq/Numerics.h"
#include "llvm/Support/Endian.h"

using llvm::support::endian::read16le;
using llvm::support::endian::read32le;

namespace phic {
namespace {

float half(const uint8_t *bytes) { return halfToFloat(read16le(bytes)); }

/// 16 bytes hold 32 codes: the low nibbles are elements 0..15, the high ones 16..31.
void unpackNibbles(const uint8_t *bytes, int16_t *codes) {
  for (int i = 0; i < 16; ++i) {
    codes[i] = bytes[i] & 15;
    codes[i + 16] = bytes[i] >> 4;
  }
}

/// f16 d, nibbles[16]
void unpackQ4_0(const uint8_t *block, int64_t columns, BlockRow &row) {
  for (int64_t b = 0; b < columns / 32; ++b, block += 18) {
    row.scale[b] = half(block);
    unpackNibbles(block + 2, &row.codes[32 * b]);
  }
}

/// f16 d, f16 m, nibbles[16]
void unpackQ4_1(const uint8_t *block, int64_t columns, BlockRow &row) {
  for (int64_t b = 0; b < columns / 32; ++b, block += 20) {
    row.scale[b] = half(block);
    row.min[b] = half(block + 2);
    unpackNibbles(block + 4, &row.codes[32 * b]);
  }
}

/// f16 d, u32 fifth bits, nibbles[16]
void unpackQ5_0(const uint8_t *block, int64_t columns, BlockRow &row) {
  for (int64_t b = 0; b < columns / 32; ++b, block += 22) {
    row.scale[b] = half(block);
    int16_t *codes = &row.codes[32 * b];
    unpackNibbles(block + 6, codes);
    uint32_t high = read32le(block + 2);
    for (int i = 0; i < 32; ++i)
      codes[i] |= int16_t((high >> i & 1) << 4);
  }
}

/// f16 d, s8[32]
void unpackQ8_0(const uint8_t *block, int64_t columns, BlockRow &row) {
  for (int64_t b = 0; b < columns / 32; ++b, block += 34) {
    row.scale[b] = half(block);
    for (int i = 0; i < 32; ++i)
      row.codes[32 * b + i] = int8_t(block[2 + i]);
  }
}

/// scales and minima[16] of four bits each, two bits[64], f16 d, f16 dmin
void unpackQ2_K(const uint8_t *block, int64_t columns, BlockRow &row) {
  for (int64_t s = 0; s < columns / 256; ++s, block += 84) {
    float d = row.superScale[s] = half(block + 80), dmin = half(block + 82);
    row.superMin[s] = -dmin;
    for (int j = 0; j < 16; ++j) {
      row.scale[16 * s + j] = d * float(block[j] & 15);
      row.min[16 * s + j] = -(dmin * float(block[j] >> 4));
    }
    for (int i = 0; i < 256; ++i)
      row.codes[256 * s + i] = int16_t(block[16 + 32 * (i / 128) + i % 32] >> 2 * (i % 128 / 32) & 3);
  }
}

/// third bits[32], two bits[64], 12 bytes of sixteen 6-bit scales less 32, f16 d
///
/// Bytes 0..7 of the scales have the low nibbles of scales 0..7, atop them those of 8..15; bytes 8..11 the upper two bits
/// of scales 0..3, 4..7, 8..11 and 12..15.
void unpackQ3_K(const uint8_t *block, int64_t columns, BlockRow &row) {
  for (int64_t s = 0; s < columns / 256; ++s, block += 110) {
    float d = row.superScale[s] = half(block + 108);
    const uint8_t *packed = block + 96;
    for (int j = 0; j < 16; ++j) {
      int low = packed[j % 8] >> 4 * (j / 8) & 15, high = packed[8 + j % 4] >> 2 * (j / 4) & 3;
      row.scale[16 * s + j] = d * float((low | high << 4) - 32);
    }
    for (int i = 0; i < 256; ++i) {
      int low = block[32 + 32 * (i / 128) + i % 32] >> 2 * (i % 128 / 32) & 3, high = block[i % 32] >> i / 32 & 1;
      row.codes[256 * s + i] = int16_t(low | high << 2);
    }
  }
}

/// f16 d, f16 dmin, 12 bytes of eight 6-bit scales and minima: what Q4_K and Q5_K begin with
///
/// Scales 0..3 and minima 0..3 are the low six bits of bytes 0..3 and 4..7; those of 4..7 have
/// their low nibbles in bytes 8..11 (scale low, minimum high) and their upper two bits atop bytes
/// 0..7.
void unpackScalesOf32(const uint8_t *block, int64_t s, BlockRow &row) {
  float d = row.superScale[s] = half(block), dmin = half(block + 2);
  row.superMin[s] = -dmin;
  const uint8_t *packed = block + 4;
  for (int j = 0; j < 8; ++j) {
    int scale = packed[j] & 63, min = packed[(j + 4) % 12] & 63;
    if (j >= 4) {
      scale = (packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4;
      min = (packed[j + 4] >> 4) | (packed[j] >> 6) << 4;
    }
    row.scale[8 * s + j] = d * float(scale);
    row.min[8 * s + j] = -(dmin * float(min));
  }
}

/// 32 bytes hold two blocks: the low nibbles the even one, the high ones the odd one.
void unpackNibblesOf64(const uint8_t *bytes, int16_t *codes) {
  for (int i = 0; i < 128; ++i) {
    int16_t *pair = codes + 64 * (i / 32) + i % 32;
    pair[0] = bytes[i] & 15;
    pair[32] = bytes[i] >> 4;
  }
}

/// scales (unpackScalesOf32), nibbles[128]
void unpackQ4_K(const uint8_t *block, int64_t columns, BlockRow &row) {
  for (int64_t s = 0; s < columns / 256; ++s, block += 144) {
    unpackScalesOf32(block, s, row);
    unpackNibblesOf64(block + 16, &row.codes[256 * s]);
  }
}

/// scales (unpackScalesOf32), fifth bits[32], nibbles[128]
void unpackQ5_K(const uint8_t *block, int64_t columns, BlockRow &row) {
  for (int64_t s = 0; s < columns / 256; ++s, block += 176) {
    unpackScalesOf32(block, s, row);
    int16_t *codes = &row.codes[256 * s];
    unpackNibblesOf64(block + 48, codes);
    for (int i = 0; i < 256; ++i)
      codes[i] |= int16_t((block[16 + i % 32] >> i / 32 & 1) << 4);
  }
}

/// low nibbles[128], upper two bits[64], s8 scales[16], f16 d
void unpackQ6_K(const uint8_t *block, int64_t columns, BlockRow &row) {
  for (int64_t s = 0; s < columns / 256; ++s, block += 210) {
    float d = row.superScale[s] = half(block + 208);
    for (int j = 0; j < 16; ++j)
      row.scale[16 * s + j] = d * float(int8_t(block[192 + j]));
    for (int h = 0; h < 2; ++h) {
      const uint8_t *low = block + 64 * h, *high = block + 128 + 32 * h;
      int16_t *codes = &row.codes[256 * s + 128 * h];
      for (int l = 0; l < 32; ++l) {
        codes[l] = int16_t((low[l] & 15) | (high[l] & 3) << 4);
        codes[l + 32] = int16_t((low[l + 32] & 15) | (high[l] >> 2 & 3) << 4);
        codes[l + 64] = int16_t((low[l] >> 4) | (high[l] >> 4 & 3) << 4);
        codes[l + 96] = int16_t((low[l + 32] >> 4) | (high[l] >> 6) << 4);
      }
    }
  }
}

} // namespace

UnpackRow unpackerOf(StorageLayout layout) {
  switch (layout) {
  case StorageLayout::GgufQ4_0:
    return unpackQ4_0;
  case StorageLayout::GgufQ4_1:
    return unpackQ4_1;
  case StorageLayout::GgufQ5_0:
    return unpackQ5_0;
  case StorageLayout::GgufQ8_0:
    return unpackQ8_0;
  case StorageLayout::GgufQ2_K:
    return unpackQ2_K;
  case StorageLayout::GgufQ3_K:
    return unpackQ3_K;
  case StorageLayout::GgufQ4_K:
    return unpackQ4_K;
  case StorageLayout::GgufQ5_K:
    return unpackQ5_K;
  case StorageLayout::GgufQ6_K:
    return unpackQ6_K;
  default:
    return nullptr;
  }
}

} // namespace phic
