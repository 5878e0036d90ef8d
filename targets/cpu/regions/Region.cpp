//===- Region.cpp - Row regions as data ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Building, checking, naming, printing and parsing. The text is read back by a
// later phase, perhaps from a file a user edited: parse rejects, never asserts.
//===----------------------------------------------------------------------===//
#include "targets/cpu/regions/Region.h"
#include "dialects/phiq/TextCursor.h"

#include <array>
#include <cassert>
#include <charconv>

namespace phic {
namespace {

struct RowOpRow {
  std::string_view name;
  unsigned operands;
  RowOpNumbers numbers;
};
constexpr RowOpRow kRowOps[] = {
#define PHIC_ROW_OP(ENUM, NAME, OPERANDS, NUMBERS, DESCRIPTION) {NAME, OPERANDS, RowOpNumbers::NUMBERS},
#include "targets/cpu/regions/RegionOps.def"
};

std::optional<RowOp> rowOpByName(std::string_view name) {
  for (unsigned i = 0; i < std::size(kRowOps); ++i)
    if (kRowOps[i].name == name)
      return RowOp(i);
  return std::nullopt;
}

bool hasEpsilon(RowOp op) { return kRowOps[unsigned(op)].numbers == RowOpNumbers::Epsilon; }
bool hasRange(RowOp op) { return kRowOps[unsigned(op)].numbers == RowOpNumbers::Range; }

bool isRope(RowOp op) { return op == RowOp::Rope || op == RowOp::RopeInterleaved; }

/// Longest row, and longest distance of neighbours: everything stays far from 32-bit index arithmetic.
constexpr int64_t kMostColumns = 1 << 20;

/// Integers of a range are exact in f32, and so is what they are clamped from.
constexpr int32_t kMostSteps = 1 << 16;

bool isLength(int64_t value) { return value > 0 && value <= kMostColumns; }

/// FNV-1a, 64 bits.
uint64_t hashOf(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : text)
    hash = (hash ^ uint8_t(c)) * 0x100000001b3;
  return hash;
}

std::string hex(uint64_t value) {
  std::string digits(16, '0');
  for (unsigned i = 0; i < 16; ++i)
    digits[15 - i] = "0123456789abcdef"[value >> (4 * i) & 15];
  return digits;
}

std::string shortest(float value) {
  std::array<char, 32> buffer;
  auto [end, errc] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  assert(errc == std::errc());
  return std::string(buffer.data(), end);
}

std::string stepSuffix(int64_t step) { return step == 1 ? "" : " step " + std::to_string(step); }

/// Words of the text, one after the other.
class Reader : public TextCursor {
public:
  using TextCursor::TextCursor;

  bool expect(std::string_view token) { return accept(token) || fail("expected '" + std::string(token) + "'"); }
  std::string_view word() {
    skipSpace();
    size_t end = rest.find_first_of(" ;:");
    std::string_view result = rest.substr(0, end);
    rest.remove_prefix(result.size());
    return result;
  }
  template <typename Number> bool number(Number *value) {
    std::string_view digits = word();
    auto [end, errc] = std::from_chars(digits.data(), digits.data() + digits.size(), *value);
    bool isNumber = errc == std::errc() && end == digits.data() + digits.size();
    return isNumber || fail("expected a number, found '" + std::string(digits) + "'");
  }
  bool id(unsigned *value) { return expect("%") && number(value); }
  bool step(int64_t *value) { return !accept("step ") || number(value); }
  bool fail(const std::string &message) { return keep(message + " before '" + std::string(rest.substr(0, 20)) + "'"); }
};

bool readInput(Reader &reader, RegionSpec *spec) {
  auto element = scalarByName(reader.word());
  if (!element)
    return reader.fail("expected a float type");
  int64_t length = spec->columns, step = 1;
  if (reader.accept("x ") && !reader.number(&length))
    return false;
  if (!reader.step(&step))
    return false;
  spec->input(length, *element, step);
  return true;
}

bool readOperation(Reader &reader, RegionSpec *spec) {
  auto op = rowOpByName(reader.word());
  if (!op)
    return reader.fail("expected an operation");
  std::vector<unsigned> operands(rowOpOperands(*op));
  for (unsigned &operand : operands)
    if (!reader.id(&operand))
      return false;
  float epsilon = 0;
  if (hasEpsilon(*op) && !reader.number(&epsilon))
    return false;
  unsigned id = spec->op(*op, std::move(operands), epsilon);
  if (hasRange(*op))
    return reader.number(&spec->values[id].least) && reader.number(&spec->values[id].greatest);
  return true;
}

bool readOutput(Reader &reader, RegionSpec *spec) {
  RegionOutput output;
  if (reader.accept("q")) {
    output.element = Scalar::None;
    if (!reader.number(&output.block) || !reader.id(&output.value))
      return false;
  } else {
    auto element = scalarByName(reader.word());
    if (!element)
      return reader.fail("expected a float type or q<block>");
    output.element = *element;
    if (!reader.id(&output.value) || !reader.step(&output.step))
      return false;
  }
  spec->outputs.push_back(output);
  return true;
}

bool readStatement(Reader &reader, RegionSpec *spec) {
  if (reader.accept("out "))
    return readOutput(reader, spec);
  unsigned id = 0;
  if (!reader.id(&id))
    return false;
  if (id != spec->values.size())
    return reader.fail("expected the definition of %" + std::to_string(spec->values.size()));
  if (!reader.expect("="))
    return false;
  return reader.accept("in ") ? readInput(reader, spec) : readOperation(reader, spec);
}

std::string checkInput(const RegionValue &value) {
  if (!isFloat(value.element))
    return "an input is f32, f16 or bf16";
  if (!isLength(value.length) || !isLength(value.step))
    return "an input's length and step are in 1.." + std::to_string(kMostColumns);
  return "";
}

std::string checkOperation(const RegionSpec &spec, unsigned id) {
  const RegionValue &value = spec.values[id];
  auto fail = [&](std::string_view why) { return std::string(rowOpName(value.op)) + " " + std::string(why); };
  if (value.operands.size() != rowOpOperands(value.op))
    return fail("takes " + std::to_string(rowOpOperands(value.op)) + " operands");
  for (unsigned operand : value.operands)
    if (operand >= id)
      return fail("uses %" + std::to_string(operand) + " before its definition");
  auto lengthOf = [&](unsigned operand) { return spec.values[value.operands[operand]].length; };
  bool rope = isRope(value.op);
  for (unsigned i = 0; i < value.operands.size(); ++i)
    if ((i == 0 || !rope) && lengthOf(i) != spec.columns && !(i == 1 && value.op == RowOp::Snap && lengthOf(i) == 1))
      return fail("takes rows of " + std::to_string(spec.columns) + " elements");
  if (rope && (lengthOf(1) != lengthOf(2) || 2 * lengthOf(1) > spec.columns))
    return fail("takes cosines and sines of one length, at most half the row");
  if (hasEpsilon(value.op) && !(value.epsilon >= 0 && value.epsilon < 1))
    return fail("takes an epsilon in 0..1");
  if (hasRange(value.op) &&
      !(value.least >= -kMostSteps && value.least <= 0 && value.greatest >= 0 && value.greatest <= kMostSteps))
    return fail("takes a range around 0 within " + std::to_string(kMostSteps));
  return "";
}

/// Pairs are turned where the result is written: what follows a rope is elementwise, and no second one.
std::string checkRopes(const RegionSpec &spec) {
  std::vector<bool> turned(spec.values.size());
  for (unsigned id = 0; id < spec.values.size(); ++id) {
    const RegionValue &value = spec.values[id];
    for (unsigned operand : value.operands)
      turned[id] = turned[id] || turned[operand];
    if (turned[id] && (isRope(value.op) || hasEpsilon(value.op)))
      return std::string(rowOpName(value.op)) + " cannot follow a rope in one region";
    for (unsigned other = 0; other < id; ++other)
      if (isRope(value.op) && !value.isInput && !spec.values[other].isInput && isRope(spec.values[other].op))
        return "a region has one rope";
    turned[id] = turned[id] || (!value.isInput && isRope(value.op));
  }
  for (const RegionOutput &output : spec.outputs)
    if (output.element == Scalar::None && turned[output.value])
      return "the result of a rope is not quantized in its region";
  return "";
}

std::string checkOutput(const RegionSpec &spec, const RegionOutput &output) {
  if (output.value >= spec.values.size())
    return "an output names %" + std::to_string(output.value) + ", which is not defined";
  if (spec.values[output.value].length != spec.columns)
    return "an output is a whole row";
  if (output.element == Scalar::None)
    return output.block == 16 || output.block == 32 ? "" : "a quantized row has blocks of 16 or 32";
  if (output.element != Scalar::F32 && output.element != Scalar::F16)
    return "an output is f32, f16 or quantized";
  return isLength(output.step) ? "" : "an output's step is positive";
}

} // namespace

std::string_view rowOpName(RowOp op) { return kRowOps[unsigned(op)].name; }
unsigned rowOpOperands(RowOp op) { return kRowOps[unsigned(op)].operands; }
RowOpNumbers rowOpNumbers(RowOp op) { return kRowOps[unsigned(op)].numbers; }

unsigned RegionSpec::input(int64_t length, Scalar element, int64_t step) {
  RegionValue value;
  value.element = element;
  value.length = length;
  value.step = step;
  values.push_back(std::move(value));
  return unsigned(values.size()) - 1;
}

unsigned RegionSpec::op(RowOp op, std::vector<unsigned> operands, float epsilon) {
  RegionValue value;
  value.isInput = false;
  value.length = columns;
  value.op = op;
  value.operands = std::move(operands);
  value.epsilon = epsilon;
  values.push_back(std::move(value));
  return unsigned(values.size()) - 1;
}

unsigned RegionSpec::snap(unsigned x, unsigned scale, int32_t least, int32_t greatest) {
  unsigned id = op(RowOp::Snap, {x, scale});
  values[id].least = least;
  values[id].greatest = greatest;
  return id;
}

void RegionSpec::outputFloats(unsigned value, Scalar element, int64_t step) {
  outputs.push_back({value, element, step, 0});
}

void RegionSpec::outputQuantized(unsigned value, int64_t block) { outputs.push_back({value, Scalar::None, 1, block}); }

unsigned RegionSpec::inputCount() const {
  unsigned count = 0;
  for (const RegionValue &value : values)
    count += value.isInput;
  return count;
}

unsigned RegionSpec::argumentCount() const {
  unsigned count = inputCount();
  for (const RegionOutput &output : outputs)
    count += output.element == Scalar::None ? 3 : 1;
  return count;
}

std::string RegionSpec::check() const {
  if (!isLength(columns))
    return "a row has 1.." + std::to_string(kMostColumns) + " columns";
  for (unsigned id = 0; id < values.size(); ++id)
    if (std::string why = values[id].isInput ? checkInput(values[id]) : checkOperation(*this, id); !why.empty())
      return why;
  if (outputs.empty())
    return "a region has an output";
  for (const RegionOutput &output : outputs)
    if (std::string why = checkOutput(*this, output); !why.empty())
      return why;
  return checkRopes(*this);
}

std::string RegionSpec::name() const {
  std::string name = "region";
  for (const RegionValue &value : values)
    if (!value.isInput)
      name += "_" + std::string(rowOpName(value.op));
  for (const RegionOutput &output : outputs)
    name += output.element == Scalar::None ? "_q" + std::to_string(output.block)
                                           : "_" + std::string(scalarName(output.element));
  return name + "_" + std::to_string(columns) + "_" + hex(hashOf(str()));
}

std::string RegionSpec::str() const {
  std::string text = std::to_string(columns) + ":";
  auto idOf = [](unsigned id) { return " %" + std::to_string(id); };
  for (unsigned id = 0; id < values.size(); ++id) {
    const RegionValue &value = values[id];
    text += idOf(id) + " = ";
    if (value.isInput) {
      text += "in " + std::string(scalarName(value.element));
      if (value.length != columns)
        text += " x " + std::to_string(value.length);
      text += stepSuffix(value.step) + ";";
      continue;
    }
    text += rowOpName(value.op);
    for (unsigned operand : value.operands)
      text += idOf(operand);
    if (hasEpsilon(value.op))
      text += " " + shortest(value.epsilon);
    if (hasRange(value.op))
      text += " " + std::to_string(value.least) + " " + std::to_string(value.greatest);
    text += ";";
  }
  for (const RegionOutput &output : outputs) {
    bool quantized = output.element == Scalar::None;
    text += " out " + (quantized ? "q" + std::to_string(output.block) : std::string(scalarName(output.element)));
    text += idOf(output.value) + stepSuffix(output.step) + ";";
  }
  text.pop_back();
  return text;
}

std::optional<RegionSpec> RegionSpec::parse(std::string_view text, std::string *error) {
  Reader reader(text);
  RegionSpec spec;
  bool ok = reader.number(&spec.columns) && reader.expect(":");
  while (ok) {
    ok = readStatement(reader, &spec);
    if (!ok || reader.atEnd())
      break;
    ok = reader.expect(";");
  }
  std::string why = ok ? spec.check() : reader.error;
  if (why.empty() && spec.str() != text)
    why = "not in the form '" + spec.str() + "'";
  if (why.empty())
    return spec;
  if (error)
    *error = std::move(why);
  return std::nullopt;
}

} // namespace phic
