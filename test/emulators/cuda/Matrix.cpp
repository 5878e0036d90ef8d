//===- Matrix.cpp - mma.sync and ldmatrix --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which lane holds which element follows one rule for all shapes: a register of A holds neighbours along K of row lane / 4
// (its second register those of the row 8 below, the next pair those of the K's second half); B the same with columns for
// rows; C and D two neighbours along N. PTX leaves open in what order sums are made: here the seed chooses.
#include "Access.h"
#include "Apply.h"
#include "Float.h"
#include <algorithm>

namespace ptx {
namespace {

struct Shape {
  const char *name;
  unsigned m, n, k;
};
constexpr Shape shapes[] = {
    {"m16n8k16", 16, 8, 16}, {"m16n8k8", 16, 8, 8}, {"m16n8k32", 16, 8, 32}, {"m8n8k16", 8, 8, 16}};

/// What Instruction::first leads to: slots of D, A, B, C, one after the other.
struct Fragments {
  unsigned m, n, k, perWord; ///< elements of A and B in a register
  unsigned ofA() const { return m * k / 32 / perWord; }
  unsigned ofB() const { return n * k / 32 / perWord; }
  unsigned ofC() const { return m * n / 32; } ///< as 32-bit elements
};

int elementOf(uint32_t word, unsigned index, bool isSigned) {
  uint32_t byte = word >> (8 * index) & 255;
  return isSigned ? int8_t(byte) : int(byte);
}

float elementOf(uint32_t word, unsigned index, Type type) {
  uint16_t bits = word >> (16 * index);
  return type == Type::bf16 ? std::bit_cast<float>(uint32_t(bits) << 16) : float(std::bit_cast<_Float16>(bits));
}

/// A by rows and B by rows of K, each row of K where `order` has it.
template <class T> struct Matrices {
  T a[16][32], b[32][8];

  template <class Element>
  void gather(Warp &warp, const Fragments &f, const Slot *ofA, const Slot *ofB, const uint8_t *order, Element element) {
    unsigned rowsOfA = f.m / 8, half = 4 * f.perWord; // of K: what a register of all lanes covers
    for (unsigned lane = 0; lane < 32; ++lane) {
      unsigned group = lane / 4, first = lane % 4 * f.perWord;
      for (unsigned word = 0; word < f.ofA(); ++word)
        for (unsigned e = 0; e < f.perWord; ++e)
          a[group + word % rowsOfA * 8][order[word / rowsOfA * half + first + e]] =
              element(warp.lanes<uint32_t>(ofA[word])[lane], e, true);
      for (unsigned word = 0; word < f.ofB(); ++word)
        for (unsigned e = 0; e < f.perWord; ++e)
          b[order[word * half + first + e]][group] = element(warp.lanes<uint32_t>(ofB[word])[lane], e, false);
    }
  }
};

/// Element `e` of a lane's part of C: its row and column.
void placeOfC(unsigned lane, unsigned e, unsigned &row, unsigned &column) {
  row = lane / 4 + e / 2 * 8;
  column = lane % 4 * 2 + e % 2;
}

enum Result : int64_t { floats, halves, integers, saturatedIntegers };

/// sums += A * B, one product after the other.
void multiplyFloats(const Matrices<float> &all, const Fragments &f, float (&sums)[16][8]) {
  for (unsigned row = 0; row < f.m; ++row)
    for (unsigned k = 0; k < f.k; ++k)
      for (unsigned column = 0; column < 8; ++column)
        sums[row][column] = float(double(sums[row][column]) + double(all.a[row][k]) * double(all.b[k][column]));
}

void multiplyIntegers(const Matrices<int> &all, const Fragments &f, bool isSaturating, int32_t (&sums)[16][8]) {
  for (unsigned row = 0; row < f.m; ++row) {
    int32_t products[8] = {};
    for (unsigned k = 0; k < f.k; ++k)
      for (unsigned column = 0; column < 8; ++column)
        products[column] += all.a[row][k] * all.b[k][column];
    for (unsigned column = 0; column < 8; ++column) {
      int64_t sum = int64_t(sums[row][column]) + products[column];
      sums[row][column] = int32_t(isSaturating ? std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX) : sum);
    }
  }
}

/// Calls visit(sums[row][column], element, lane) for all of C.
template <class T, class Visit> void eachOfC(const Fragments &f, T (&sums)[16][8], Visit &&visit) {
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned e = 0; e < f.ofC(); ++e) {
      unsigned row, column;
      placeOfC(lane, e, row, column);
      visit(sums[row][column], e, lane);
    }
}

/// Which place each row of K has in a sum.
void orderOfSum(Warp &warp, unsigned k, bool isShuffled, uint8_t (&order)[32]) {
  for (unsigned j = 0; j < 32; ++j)
    order[j] = j;
  for (unsigned j = k; isShuffled && j > 1; --j)
    std::swap(order[j - 1], order[warp.cta->grid.random.below(j)]);
}

void multiplyBytes(Warp &warp, const Instruction &i, const Fragments &f, const Slot *a, const Slot *b, const Slot *c,
                   uint32_t (&results)[4][32]) {
  uint8_t order[32];
  orderOfSum(warp, f.k, /*isShuffled=*/false, order);
  Matrices<int> all;
  bool isSignedA = i.type == Type::s8, isSignedB = i.from == Type::s8;
  all.gather(warp, f, a, b, order,
             [&](uint32_t word, unsigned e, bool isA) { return elementOf(word, e, isA ? isSignedA : isSignedB); });
  int32_t sums[16][8];
  eachOfC(f, sums, [&](int32_t &sum, unsigned e, unsigned lane) { sum = warp.lanes<int32_t>(c[e])[lane]; });
  multiplyIntegers(all, f, i.value == saturatedIntegers, sums);
  eachOfC(f, sums, [&](int32_t sum, unsigned e, unsigned lane) { results[e][lane] = sum; });
}

void multiplyHalves(Warp &warp, const Instruction &i, const Fragments &f, const Slot *a, const Slot *b, const Slot *c,
                    uint32_t (&results)[4][32]) {
  uint8_t order[32];
  orderOfSum(warp, f.k, /*isShuffled=*/true, order);
  Matrices<float> all;
  all.gather(warp, f, a, b, order, [&](uint32_t word, unsigned e, bool) { return elementOf(word, e, i.type); });
  float sums[16][8];
  bool isSingle = i.value == floats;
  eachOfC(f, sums, [&](float &sum, unsigned e, unsigned lane) {
    sum = isSingle ? warp.lanes<float>(c[e])[lane] : elementOf(warp.lanes<uint32_t>(c[e / 2])[lane], e % 2, Type::f16);
  });
  multiplyFloats(all, f, sums);
  eachOfC(f, sums, [&](float sum, unsigned e, unsigned lane) {
    if (isSingle)
      results[e][lane] = std::bit_cast<uint32_t>(canonical(sum));
    else
      results[e / 2][lane] |= roundTo(sum, halfFormat) << (16 * (e % 2));
  });
}

void multiply(Warp &warp, const Instruction &i) {
  if (warp.mask != everyLane)
    warp.fault(Fault::launchFailed, __builtin_ctz(warp.mask), "not all lanes of the warp are here");
  const Shape &shape = shapes[i.count];
  Fragments f{shape.m, shape.n, shape.k, i.value >= integers ? 4u : 2u};
  unsigned words = i.value == halves ? f.ofC() / 2 : f.ofC();
  const Slot *d = &warp.kernel->lists[i.first], *a = d + words, *b = a + f.ofA(), *c = b + f.ofB();
  for (const Slot *slot = a; slot < c + words; ++slot)
    warp.require(*slot);
  uint32_t results[4][32] = {};
  (i.value >= integers ? multiplyBytes : multiplyHalves)(warp, i, f, a, b, c, results);
  for (unsigned word = 0; word < words; ++word)
    blend(warp, d[word], results[word]);
}

void append(Decoder &decoder, std::vector<Slot> &slots, size_t operand, unsigned count, bool isTarget) {
  std::vector<Operand> elements = decoder.elements(operand);
  if (elements.size() != count)
    decoder.refuse("operand " + std::to_string(operand + 1) + " has " + std::to_string(elements.size()) +
                   " registers, not " + std::to_string(count));
  for (const Operand &element : elements)
    slots.push_back(isTarget ? decoder.target(element, Type::b32) : decoder.source(element, Type::b32));
}

void decodeMultiply(Decoder &decoder) {
  Instruction &out = decoder.out;
  for (const char *word : {"sync", "aligned", "row", "col"})
    decoder.need(word);
  int found = decoder.takeOne({"m16n8k16", "m16n8k8", "m16n8k32", "m8n8k16"});
  if (found < 0)
    decoder.refuse("unknown shape");
  const Shape &shape = shapes[found];
  out.count = found;
  bool isSaturating = decoder.take("satfinite");
  Type d = decoder.takeType(), a = decoder.takeType(), b = decoder.takeType(), c = decoder.takeType();
  bool isBytes = (a == Type::s8 || a == Type::u8) && (b == Type::s8 || b == Type::u8) && d == Type::s32 && c == d;
  bool isHalves =
      a == b && (a == Type::f16 || (a == Type::bf16 && d == Type::f32)) && c == d && (d == Type::f32 || d == Type::f16);
  bool isKnown = isBytes ? shape.k >= 16 : isHalves && !isSaturating && shape.m == 16 && shape.k <= 16;
  if (!isKnown)
    decoder.refuse("unknown types");
  out.type = a, out.from = b;
  out.value = isBytes ? (isSaturating ? saturatedIntegers : integers) : d == Type::f32 ? floats : halves;
  Fragments f{shape.m, shape.n, shape.k, isBytes ? 4u : 2u};
  unsigned words = out.value == halves ? f.ofC() / 2 : f.ofC();
  decoder.expect(4);
  std::vector<Slot> slots;
  append(decoder, slots, 0, words, true);
  append(decoder, slots, 1, f.ofA(), false);
  append(decoder, slots, 2, f.ofB(), false);
  append(decoder, slots, 3, words, false);
  out.first = decoder.list(slots);
  out.run = multiply;
}

/// Rows of 16 bytes, whose addresses lanes 8 * matrix to 8 * matrix + 7 give.
void loadMatrix(Warp &warp, const Instruction &i) {
  if (warp.mask != everyLane)
    warp.fault(Fault::launchFailed, __builtin_ctz(warp.mask), "not all lanes of the warp are here");
  uint64_t at[32];
  uint8_t rows[32][16];
  // Only lanes that give a row's address need one.
  warp.mask = i.count == 4 ? everyLane : (1u << (8 * i.count)) - 1;
  addressesOf(warp, i, i.a, at);
  if (spaceOf(warp, i.space, at) != Space::shared)
    warp.fault(Fault::illegalAddress, 0, "rows that are not in shared memory");
  warp.cta->readShared(warp, at, 16, rows[0], 16);
  warp.mask = everyLane;
  const Slot *d = &warp.kernel->lists[i.first];
  for (unsigned matrix = 0; matrix < i.count; ++matrix) {
    uint32_t result[32];
    for (unsigned lane = 0; lane < 32; ++lane) {
      uint16_t pair[2];
      for (unsigned e = 0; e < 2; ++e) {
        unsigned row = lane / 4, column = lane % 4 * 2 + e;
        if (i.from == Type::b16) // .trans
          std::swap(row, column);
        memcpy(&pair[e], rows[8 * matrix + row] + 2 * column, 2);
      }
      memcpy(&result[lane], pair, 4);
    }
    blend(warp, d[matrix], result);
  }
}

void decodeLoadMatrix(Decoder &decoder) {
  Instruction &out = decoder.out;
  for (const char *word : {"sync", "aligned", "m8n8", "b16"})
    decoder.need(word);
  int count = decoder.takeOne({"x1", "x2", "x4"});
  if (count < 0)
    decoder.refuse("needs .x1, .x2 or .x4");
  out.count = 1 << count;
  out.from = decoder.take("trans") ? Type::b16 : Type::none;
  takeSpace(decoder, /*withParam=*/false);
  decoder.expect(2);
  std::vector<Slot> slots;
  append(decoder, slots, 0, out.count, true);
  out.first = decoder.list(slots);
  out.a = decoder.address(1);
  out.run = loadMatrix;
}

} // namespace

bool decodeMatrix(Decoder &decoder) {
  if (decoder.is("mma"))
    decodeMultiply(decoder);
  else if (decoder.is("ldmatrix"))
    decodeLoadMatrix(decoder);
  else
    return false;
  return true;
}

} // namespace ptx
