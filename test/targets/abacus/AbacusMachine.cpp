//===- AbacusMachine.cpp - Runs stages of a program --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One number after the other, as Program.h says it. Slow, and easy to read.
//===----------------------------------------------------------------------===//
#include "test/targets/abacus/AbacusMachine.h"
#include "test/targets/abacus/AbacusMemory.h"
#include "test/targets/abacus/Program.h"

#include <math.h>
#include <string.h>

namespace phi {

uint16_t halfOf(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  const uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  constexpr uint32_t kInfinity = 0x7f800000, kTooLarge = 0x47800000, kLeastNormal = 0x38800000, kBiases = 0x38000000;
  if (magnitude >= kTooLarge)
    return uint16_t(sign | (magnitude > kInfinity ? 0x7e00 : 0x7c00));
  if (magnitude < kLeastNormal)
    return uint16_t(sign | uint32_t(rintf(fabsf(value) * 0x1p24f)));
  return uint16_t(sign | (magnitude - kBiases + 0xfff + (magnitude >> 13 & 1)) >> 13);
}

float floatOf(uint16_t half) {
  const uint32_t exponent = half >> 10 & 31, mantissa = half & 1023;
  const float sign = half & 0x8000 ? -1.0f : 1.0f;
  if (exponent == 0)
    return sign * float(mantissa) * 0x1p-24f;
  uint32_t bits = (exponent == 31 ? 0x7f800000 : (exponent + 112) << 23) | mantissa << 13;
  float value;
  memcpy(&value, &bits, sizeof(value));
  return sign * value;
}

namespace {

using namespace phic;

struct Value {
  uint8_t *base;
  int64_t rowBytes;
  float *row(int64_t i) const { return reinterpret_cast<float *>(base + i * rowBytes); }
};

struct Weight {
  const uint8_t *base;
  int64_t width, block, N, K;

  float at(int64_t n, int64_t k) const {
    const int64_t r = n % width;
    if (block == 0)
      return floats(base + n / width * 4 * K * width)[k * width + r];
    const int64_t all = (K + block - 1) / block * width, codeBytes = (2 * K * width + 3) / 4 * 4;
    const uint8_t *strip = base + n / width * (codeBytes + 12 * all);
    const float *numbers = floats(strip + codeBytes) + k / block * width + r;
    const int16_t code = reinterpret_cast<const int16_t *>(strip)[k * width + r];
    const float product = numbers[0] * (float(code) - numbers[all]);
    return product + numbers[2 * all];
  }
  static const float *floats(const uint8_t *bytes) { return reinterpret_cast<const float *>(bytes); }
};

struct Cache {
  uint8_t *keys, *values;
  int64_t heads, headDim;
  bool isHalf;
  int64_t strips, keyGroup, valueGroup, context;

  int64_t index(int64_t group, int64_t position, int64_t head, int64_t element) const {
    const int64_t inStrip = heads / strips, width = inStrip * headDim;
    const int64_t column = head % inStrip * headDim + element;
    const int64_t row = head / inStrip * (context / group) + position / group;
    return (row * width + column) * group + position % group;
  }
  float load(const uint8_t *from, int64_t at) const {
    return isHalf ? floatOf(reinterpret_cast<const uint16_t *>(from)[at]) : reinterpret_cast<const float *>(from)[at];
  }
  void store(uint8_t *to, int64_t at, float value) const {
    if (isHalf)
      reinterpret_cast<uint16_t *>(to)[at] = halfOf(value);
    else
      reinterpret_cast<float *>(to)[at] = value;
  }
  float key(int64_t position, int64_t head, int64_t d) const { return load(keys, index(keyGroup, position, head, d)); }
  float value(int64_t position, int64_t head, int64_t d) const {
    return load(values, index(valueGroup, position, head, d));
  }
};

/// One instruction.
class Instruction {
public:
  Instruction(const AbacusStep &step, const uint64_t *words) : step(step), frame(*step.frame), at(words) {}
  bool run();
  const uint64_t *next() const { return end; }

private:
  uint64_t word() { return *at++; }
  int64_t number() { return int64_t(word()); }
  float real() { return realOf(word()); }
  static float realOf(uint64_t word) {
    auto bits = uint32_t(word);
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
  }
  Value value();
  Weight weight();
  const float *vector() { return Weight::floats(abacusBytes(frame.weights) + word()); }
  Cache cache();

  void embed();
  void matmul();
  bool expression();
  float evaluate(const uint64_t *&node, int64_t row, int64_t j);
  float evaluateOperand(uint64_t operand, int64_t row, int64_t j) const;
  void rope();
  void columns();
  void select();
  void append();
  void attend();

  const AbacusStep &step;
  const phi_frame &frame;
  const uint64_t *at, *end = nullptr;
  int64_t rows = 0, firstRow = 0; ///< rows of the step; which one row 0 is

  // Of an expression.
  struct Operand {
    AbacusOperand kind;
    Value rows;
    const float *floats;
  };
  static constexpr uint64_t kMostOperands = 8;
  Operand operands[kMostOperands];
  int64_t width = 0; ///< columns
  bool isKnown = true; ///< every node so far is one
};

Value Instruction::value() {
  const auto space = AbacusSpace(word());
  uint8_t *base = space == AbacusSpace::Arena    ? frame.arena
                  : space == AbacusSpace::Logits ? frame.bindings[kAbacusLogits]
                                                 : step.scratch;
  base = abacusBytes(base) + word();
  return {base, number()};
}

Weight Instruction::weight() {
  const uint8_t *base = abacusBytes(frame.weights) + word();
  const int64_t strip = number(), block = number(), N = number();
  return {base, strip, block, N, number()};
}

Cache Instruction::cache() {
  Cache found;
  uint8_t *base = abacusBytes(frame.bindings[kAbacusCaches]);
  found.context = frame.context;
  found.keys = base + number() * frame.context;
  found.values = base + number() * frame.context;
  found.heads = number();
  found.headDim = number();
  found.isHalf = word() != 0;
  found.strips = number();
  found.keyGroup = number();
  found.valueGroup = number();
  return found;
}

void Instruction::embed() {
  const Value to = value();
  const Weight table = weight();
  auto *ids = reinterpret_cast<const int32_t *>(abacusBytes(frame.bindings[kAbacusTokens]));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t k = 0; k < table.K; ++k)
      to.row(i)[k] = table.at(ids[firstRow + i], k);
}

void Instruction::matmul() {
  const Value to = value(), from = value();
  const Weight w = weight();
  for (int64_t n = 0; n < w.N; ++n) {
    for (int64_t i = 0; i < rows; ++i)
      to.row(i)[n] = 0;
    for (int64_t k = 0; k < w.K; ++k) {
      const float factor = w.at(n, k);
      for (int64_t i = 0; i < rows; ++i)
        to.row(i)[n] += from.row(i)[k] * factor;
    }
  }
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

bool Instruction::expression() {
  const Value to = value();
  width = number();
  const uint64_t count = word();
  if (count > kMostOperands)
    return false;
  for (uint64_t i = 0; i < count; ++i) {
    operands[i] = {AbacusOperand(word()), {}, nullptr};
    if (operands[i].kind == AbacusOperand::Rows)
      operands[i].rows = value();
    else
      operands[i].floats = vector();
  }
  for (int64_t i = 0; i < rows && isKnown; ++i)
    for (int64_t j = 0; j < width && isKnown; ++j) {
      const uint64_t *node = at;
      to.row(i)[j] = evaluate(node, i, j);
    }
  return isKnown;
}

float Instruction::evaluateOperand(uint64_t operand, int64_t row, int64_t j) const {
  const Operand &from = operands[operand % kMostOperands];
  switch (from.kind) {
  case AbacusOperand::Rows:
    return from.rows.row(row)[j];
  case AbacusOperand::Vector:
    return from.floats[j];
  default:
    return from.floats[0];
  }
}

/// Moves `node` behind what it evaluates.
float Instruction::evaluate(const uint64_t *&node, int64_t row, int64_t j) {
  const auto kind = AbacusNode(*node++);
  auto next = [&] { return evaluate(node, row, j); };
  float a, b;
  switch (kind) {
  case AbacusNode::Operand:
    return evaluateOperand(*node++, row, j);
  case AbacusNode::Constant:
    return realOf(*node++);
  case AbacusNode::Add:
    return a = next(), a + next();
  case AbacusNode::Subtract:
    return a = next(), a - next();
  case AbacusNode::Multiply:
    return a = next(), a * next();
  case AbacusNode::Divide:
    return a = next(), a / next();
  case AbacusNode::Minimum:
    return a = next(), b = next(), a < b ? a : b;
  case AbacusNode::Maximum:
    return a = next(), b = next(), a > b ? a : b;
  case AbacusNode::Negate:
    return -next();
  case AbacusNode::Absolute:
    return fabsf(next());
  case AbacusNode::Exp:
    return expf(next());
  case AbacusNode::SquareRoot:
    return sqrtf(next());
  case AbacusNode::Integer:
    return rintf(next());
  case AbacusNode::Less:
    return a = next(), a < next() ? 1.0f : 0.0f;
  case AbacusNode::IsNan:
    return isnan(next()) ? 1.0f : 0.0f;
  case AbacusNode::Select: {
    const bool isFirst = next() != 0;
    a = next();
    b = next();
    return isFirst ? a : b;
  }
  case AbacusNode::RowSum: {
    const uint64_t *summed = node;
    float sum = 0;
    for (int64_t column = 0; column < width && isKnown; ++column) {
      node = summed;
      sum += evaluate(node, row, column);
    }
    return sum;
  }
  }
  isKnown = false;
  return 0;
}

//===----------------------------------------------------------------------===//
// Rows and caches
//===----------------------------------------------------------------------===//

void Instruction::rope() {
  const Value to = value(), from = value();
  const int64_t all = number(), headDim = number(), half = number() / 2;
  const bool isInterleaved = word() != 0;
  const float *cosTable = vector(), *sinTable = vector();
  const bool hasLong = word() != 0, isLong = frame.total > number() && hasLong;
  const float *longCos = vector(), *longSin = vector();
  for (int64_t i = 0; i < rows; ++i) {
    const float *x = from.row(i);
    const float *cos = (isLong ? longCos : cosTable) + (frame.past + firstRow + i) * half;
    const float *sin = (isLong ? longSin : sinTable) + (frame.past + firstRow + i) * half;
    for (int64_t head = 0; head < all; head += headDim) {
      for (int64_t j = 0; j < half; ++j) {
        const int64_t a = head + (isInterleaved ? 2 * j : j), b = head + (isInterleaved ? 2 * j + 1 : j + half);
        const float xa = x[a], xb = x[b];
        to.row(i)[a] = xa * cos[j] - xb * sin[j];
        to.row(i)[b] = xb * cos[j] + xa * sin[j];
      }
      for (int64_t j = 2 * half; j < headDim; ++j)
        to.row(i)[head + j] = x[head + j];
    }
  }
}

void Instruction::columns() {
  const Value to = value(), from = value();
  const int64_t count = number(), begin = number();
  for (int64_t i = 0; i < rows; ++i)
    memmove(to.row(i), from.row(i) + begin, size_t(count) * sizeof(float));
}

void Instruction::select() {
  const Value to = value(), from = value();
  const int64_t count = number();
  for (int64_t i = 0; i < frame.rows - frame.logit_row0; ++i)
    memmove(to.row(i), from.row(frame.logit_row0 + i), size_t(count) * sizeof(float));
}

void Instruction::append() {
  const Value keys = value(), values = value();
  const Cache to = cache();
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t head = 0; head < to.heads; ++head)
      for (int64_t d = 0; d < to.headDim; ++d) {
        const int64_t position = frame.past + firstRow + i, column = head * to.headDim + d;
        to.store(to.keys, to.index(to.keyGroup, position, head, d), keys.row(i)[column]);
        to.store(to.values, to.index(to.valueGroup, position, head, d), values.row(i)[column]);
      }
}

/// A query's score of a position.
float scoreOf(const Cache &cache, const float *query, int64_t position, int64_t head, float scale, float softcap) {
  float dot = 0;
  for (int64_t d = 0; d < cache.headDim; ++d)
    dot += query[d] * cache.key(position, head, d);
  const float score = scale * dot;
  return softcap > 0 ? softcap * tanhf(score / softcap) : score;
}

void Instruction::attend() {
  const Value to = value(), from = value();
  const int64_t heads = number();
  const float scale = real();
  const int64_t window = number();
  const float softcap = real();
  const Cache seen = cache();
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t head = 0; head < heads; ++head) {
      const float *query = from.row(i) + head * seen.headDim;
      float *result = to.row(i) + head * seen.headDim;
      const int64_t shared = head / (heads / seen.heads), last = frame.past + firstRow + i;
      const int64_t first = window && last >= window ? last - window + 1 : 0;
      float greatest = -INFINITY, sum = 0;
      for (int64_t t = first; t <= last; ++t)
        greatest = fmaxf(greatest, scoreOf(seen, query, t, shared, scale, softcap));
      memset(result, 0, size_t(seen.headDim) * sizeof(float));
      for (int64_t t = first; t <= last; ++t) {
        const float share = expf(scoreOf(seen, query, t, shared, scale, softcap) - greatest);
        sum += share;
        for (int64_t d = 0; d < seen.headDim; ++d)
          result[d] += share * seen.value(t, shared, d);
      }
      for (int64_t d = 0; d < seen.headDim; ++d)
        result[d] /= sum;
    }
}

bool Instruction::run() {
  const auto code = AbacusCode(word());
  const uint64_t words = word();
  end = at + words;
  const bool isSelected = AbacusRows(word()) == AbacusRows::Selected;
  firstRow = isSelected ? frame.logit_row0 : 0;
  rows = frame.rows - firstRow;
  switch (code) {
  case AbacusCode::Embed:
    return embed(), true;
  case AbacusCode::Matmul:
    return matmul(), true;
  case AbacusCode::Expression:
    return expression();
  case AbacusCode::Rope:
    return rope(), true;
  case AbacusCode::Columns:
    return columns(), true;
  case AbacusCode::Select:
    return select(), true;
  case AbacusCode::Append:
    return append(), true;
  case AbacusCode::Attend:
    return attend(), true;
  }
  return false;
}

} // namespace

bool runAbacusStage(const AbacusStep &step, uint32_t stage) {
  const uint64_t *table = step.program + sizeof(AbacusHeader) / sizeof(uint64_t);
  const uint64_t *at = step.program + table[stage];
  const uint64_t *end = at + 1 + *at;
  for (++at; at < end;) {
    Instruction instruction(step, at);
    if (!instruction.run())
      return false;
    at = instruction.next();
  }
  return true;
}

} // namespace phi
