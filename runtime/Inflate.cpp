//===- Inflate.cpp - Compressed bytes ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes are read bit by bit: a code of n bits is one of count[n] ones, which follow one another from the first of that
// length on (RFC 1951, 3.2.2). Slow, and small: a text is read once.
//===----------------------------------------------------------------------===//
#include "Inflate.h"

#include <string.h>

namespace phi {
namespace {

constexpr int kMostBits = 15, kLengthCodes = 286, kFixedLengthCodes = 288, kDistanceCodes = 30, kOrderCodes = 19;
constexpr int kFailed = -1;

class Bits {
public:
  Bits(const uint8_t *begin, const uint8_t *end) : at(begin), end(end) {}
  bool isWhole() const { return !isCut; }

  uint32_t take(int count) {
    uint32_t value = 0;
    for (int i = 0; i < count; ++i)
      value |= takeOne() << i;
    return value;
  }
  uint32_t takeOne() {
    if (left == 0) {
      isCut |= at == end;
      held = at == end ? 0 : *at++;
      left = 8;
    }
    const uint32_t bit = held & 1;
    held >>= 1;
    --left;
    return bit;
  }
  /// From the next whole byte on.
  const uint8_t *takeBytes(uint64_t count) {
    left = 0;
    if (count > uint64_t(end - at))
      return nullptr;
    at += count;
    return at - count;
  }

private:
  const uint8_t *at, *end;
  uint32_t held = 0;
  int left = 0;
  bool isCut = false;
};

/// Codes by their lengths.
struct Codes {
  uint16_t counts[kMostBits + 1];
  uint16_t symbols[kFixedLengthCodes]; ///< in the order of their codes

  /// False: more codes than there are, or fewer and more than one.
  bool make(const uint8_t *lengths, int count) {
    memset(counts, 0, sizeof(counts));
    for (int i = 0; i < count; ++i)
      ++counts[lengths[i]];
    const int used = count - counts[0];
    counts[0] = 0;
    int unused = 1;
    uint16_t offsets[kMostBits + 2] = {};
    for (int bits = 1; bits <= kMostBits; ++bits) {
      unused = 2 * unused - counts[bits];
      if (unused < 0)
        return false;
      offsets[bits + 1] = uint16_t(offsets[bits] + counts[bits]);
    }
    for (int i = 0; i < count; ++i)
      if (lengths[i])
        symbols[offsets[lengths[i]]++] = uint16_t(i);
    return unused == 0 || used <= 1;
  }

  int read(Bits &bits) const {
    int code = 0, first = 0, index = 0;
    for (int length = 1; length <= kMostBits; ++length) {
      code |= int(bits.takeOne());
      const int count = counts[length];
      if (code - first < count)
        return symbols[index + code - first];
      index += count;
      first = 2 * (first + count);
      code *= 2;
    }
    return kFailed;
  }
};

struct Unpacked {
  uint8_t *begin, *at, *end;
};

bool copyStored(Bits &bits, Unpacked &out) {
  const uint8_t *header = bits.takeBytes(4);
  if (!header)
    return false;
  const uint32_t count = uint32_t(header[0] | header[1] << 8), inverse = uint32_t(header[2] | header[3] << 8);
  const uint8_t *bytes = bits.takeBytes(count);
  if (!bytes || (count ^ inverse) != 0xffff || count > uint64_t(out.end - out.at))
    return false;
  memcpy(out.at, bytes, count);
  out.at += count;
  return true;
}

bool readCodes(Bits &bits, Codes *lengths, Codes *distances) {
  static constexpr uint8_t kOrder[kOrderCodes] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  const int lengthCount = int(bits.take(5)) + 257, distanceCount = int(bits.take(5)) + 1,
            orderCount = int(bits.take(4)) + 4;
  if (lengthCount > kLengthCodes || distanceCount > kDistanceCodes)
    return false;
  uint8_t read[kLengthCodes + kDistanceCodes] = {};
  for (int i = 0; i < orderCount; ++i)
    read[kOrder[i]] = uint8_t(bits.take(3));
  if (!lengths->make(read, kOrderCodes))
    return false;
  memset(read, 0, sizeof(read));
  for (int i = 0; i < lengthCount + distanceCount;) {
    const int symbol = lengths->read(bits);
    if (symbol == kFailed || (symbol == 16 && i == 0))
      return false;
    if (symbol < 16) {
      read[i++] = uint8_t(symbol);
      continue;
    }
    // The last length, or zero, some times.
    const uint8_t repeated = symbol == 16 ? read[i - 1] : 0;
    int times = symbol == 16 ? 3 + int(bits.take(2)) : symbol == 17 ? 3 + int(bits.take(3)) : 11 + int(bits.take(7));
    if (times > lengthCount + distanceCount - i)
      return false;
    while (times-- > 0)
      read[i++] = repeated;
  }
  return lengths->make(read, lengthCount) && distances->make(read + lengthCount, distanceCount);
}

void makeFixedCodes(Codes *lengths, Codes *distances) {
  uint8_t bits[kFixedLengthCodes];
  for (int i = 0; i < kFixedLengthCodes; ++i)
    bits[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  lengths->make(bits, kFixedLengthCodes);
  memset(bits, 5, kDistanceCodes + 2);
  distances->make(bits, kDistanceCodes + 2);
}

/// Bytes, and copies of what came before, until the block's end.
bool copyCoded(Bits &bits, const Codes &lengths, const Codes &distances, Unpacked &out) {
  for (;;) {
    const int symbol = lengths.read(bits);
    if (symbol == kFailed || !bits.isWhole() || symbol >= kLengthCodes)
      return false;
    if (symbol == 256)
      return true;
    if (symbol < 256) {
      if (out.at == out.end)
        return false;
      *out.at++ = uint8_t(symbol);
      continue;
    }
    // Four lengths, then four of two each, four of four; two distances, two of two each...
    const int l = symbol - 257, lengthBits = l < 8 || l == 28 ? 0 : l / 4 - 1;
    uint64_t count = l == 28 ? 258 : l < 8 ? uint64_t(l) + 3 : (uint64_t(4 + l % 4) << lengthBits) + 3;
    count += bits.take(lengthBits);
    const int d = distances.read(bits);
    if (d == kFailed || d >= kDistanceCodes)
      return false;
    const int distanceBits = d < 4 ? 0 : d / 2 - 1;
    uint64_t distance = d < 4 ? uint64_t(d) + 1 : (uint64_t(2 + d % 2) << distanceBits) + 1;
    distance += bits.take(distanceBits);
    if (distance > uint64_t(out.at - out.begin) || count > uint64_t(out.end - out.at))
      return false;
    for (; count > 0; --count, ++out.at)
      *out.at = *(out.at - distance);
  }
}

bool copyBlock(Bits &bits, Unpacked &out) {
  Codes lengths, distances;
  switch (bits.take(2)) {
  case 0:
    return copyStored(bits, out);
  case 1:
    makeFixedCodes(&lengths, &distances);
    return copyCoded(bits, lengths, distances, out);
  case 2:
    return readCodes(bits, &lengths, &distances) && copyCoded(bits, lengths, distances, out);
  default:
    return false;
  }
}

} // namespace

bool inflate(const uint8_t *from, uint64_t fromBytes, uint8_t *to, uint64_t toBytes) {
  constexpr uint64_t kHeader = 2, kSum = 4; // Adler's sum: the program's hash says as much
  if (fromBytes < kHeader + kSum || (from[0] & 15) != 8 || (from[0] << 8 | from[1]) % 31 != 0 || from[1] & 32)
    return false;
  Bits bits(from + kHeader, from + fromBytes - kSum);
  Unpacked out{to, to, to + toBytes};
  for (bool isLast = false; !isLast;) {
    isLast = bits.takeOne();
    if (!copyBlock(bits, out) || !bits.isWhole())
      return false;
  }
  return out.at == out.end;
}

} // namespace phi
