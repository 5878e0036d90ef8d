//===- Halide.cpp - The one door to Halide ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A region's operations become Halide expressions of a column; only reductions
// and quantized blocks are Funcs of their own. Everything is compiled strictly:
// each operation rounds once, sums are taken in the order written here. (RegionCode
// then fuses products into the sums they feed, once for all callers.)
//
//     out(x) = x0(x) * inverse() * gamma(x)     inverse() = 1 / sqrt(sum() / N + epsilon)
//
// All extents are constants, all storage is a few vectors on the stack. Func names
// hold the region's name: Halide renumbers equal names, and its output would depend
// on what the process compiled before.
//===----------------------------------------------------------------------===//
#include "targets/halide/Halide.h"

#include <Halide.h>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <sys/mman.h>
#include <unistd.h>

namespace phic {
namespace {

namespace hl = Halide;

struct Schedule {
  std::string_view target;
  int lanes, vectors, accumulators;
};
constexpr Schedule kSchedules[] = {
#define PHIC_REGION_SCHEDULE(TARGET, LANES, VECTORS, ACCUMULATORS) {TARGET, LANES, VECTORS, ACCUMULATORS},
#include "targets/halide/Schedules.def"
};

const Schedule *scheduleOf(const Target &target) {
  for (const Schedule &schedule : kSchedules)
    if (schedule.target == target.name)
      return &schedule;
  return nullptr;
}

/// bf16 is read as the upper bits of an f32: Halide would emulate it.
hl::Type halideType(Scalar type) {
  return type == Scalar::F16 ? hl::Float(16) : type == Scalar::BF16 ? hl::UInt(16) : hl::Float(32);
}

hl::Expr toFloat(hl::Expr stored) {
  if (stored.type() == hl::UInt(16))
    return hl::reinterpret<float>(hl::cast<uint32_t>(stored) << 16);
  return hl::cast<float>(stored);
}

//===----------------------------------------------------------------------===//
// Elementwise functions
//===----------------------------------------------------------------------===//

/// Halide's exp is 0 above 2^31 ln 2, where its exponent no longer is an int; from 89 on it is infinite.
hl::Expr exponential(hl::Expr x) { return hl::exp(hl::min(x, 100.0f)); }

hl::Expr sigmoidTimes(hl::Expr x, hl::Expr argument) { return x / (1.0f + exponential(-argument)); }

/// The normal distribution's integral from -infinity to x. For a = |x|, Phi(-a) = exp(-a^2 / 2) R(1 / (1 + 0.3 a)),
/// R the best polynomial of degree 8 for a in [0, 14], relative error 6e-8; beyond, exp has underflown.
/// So x Phi(x) keeps its relative accuracy (about a^2 / 2 units in the last place, from the rounding of a^2) for
/// negative x too, where x / 2 (1 + erf(x / sqrt 2)) would cancel.
hl::Expr normalIntegral(hl::Expr x) {
  constexpr float kCoefficients[] = {7.168874162744032e-06f, 0.1194876879453659f,   0.12192033976316452f,
                                     0.09468352049589157f,   0.1425355225801468f,   -0.07650647312402725f,
                                     0.22866007685661316f,   -0.16916610300540924f, 0.038378290832042694f};
  hl::Expr w = 1.0f / (1.0f + 0.3f * hl::abs(x));
  hl::Expr r = kCoefficients[std::size(kCoefficients) - 1];
  for (size_t i = std::size(kCoefficients) - 1; i-- > 0;)
    r = r * w + kCoefficients[i];
  hl::Expr tail = hl::exp(-0.5f * (x * x)) * r;
  return hl::select(x < 0.0f, tail, 1.0f - tail);
}

/// x / 2 (1 + tanh(u)) = x sigmoid(2u): no tanh, no cancellation.
hl::Expr geluTanh(hl::Expr x) {
  constexpr float kTwoSqrtTwoOverPi = 1.5957691216057308f;
  return sigmoidTimes(x, kTwoSqrtTwoOverPi * (x + 0.044715f * (x * x * x)));
}

/// As snap of Numerics. Clamping to integers first changes nothing but the range of the conversion, through
/// which -0 becomes 0.
hl::Expr snapTo(hl::Expr x, hl::Expr scale, float least, float greatest) {
  hl::Expr steps = x / scale;
  hl::Expr bounded = hl::select(steps != steps, 0.0f, hl::min(hl::max(steps, least), greatest));
  return scale * hl::cast<float>(hl::cast<int32_t>(hl::round(bounded)));
}

//===----------------------------------------------------------------------===//
// The region as Funcs
//===----------------------------------------------------------------------===//

/// A column, and for rope its pair's index, its partner in the pair, and whether it is the second of the two.
struct Point {
  hl::Expr column, pair = {}, partner = {}, isSecond = {};
};

class RegionFuncs {
public:
  RegionFuncs(const RegionSpec &region, const std::string &symbol, const Schedule &schedule)
      : region(region), symbol(symbol), schedule(schedule) {}

  void build();
  hl::Module compile(const hl::Target &target);

  std::vector<HalideBuffer> buffers;

private:
  void addInputs();
  void addFloats(const RegionOutput &output, unsigned argument);
  void addRun(const RegionOutput &output, unsigned argument, int first, int count);
  void addPairs(const RegionOutput &output, unsigned argument, int pairs, bool interleaved);
  void addQuantized(const RegionOutput &output, unsigned argument);
  void addBlocks(const RegionOutput &output, unsigned argument, int firstBlock, int blocks, int columns);
  void addOutput(hl::Func func, unsigned argument, int64_t byteOffset, std::vector<HalideBuffer::Dimension> dimensions);

  hl::Expr valueAt(unsigned id, const Point &point);
  hl::Expr operationAt(unsigned id, const Point &point);
  hl::Expr ropeAt(const RegionValue &value, const Point &point);
  hl::Expr normAt(unsigned id, const Point &point);
  hl::Func sumOf(const std::string &name, const std::function<hl::Expr(hl::Expr)> &term);
  hl::Func scalar(const std::string &name, hl::Expr value);

  hl::Func func(const std::string &name) { return hl::Func(name + "_" + symbol); }
  hl::Var var(const std::string &name) { return hl::Var(name); }
  const RegionValue *rope() const;
  int vectorOf(int count) const;

  const RegionSpec &region;
  const std::string &symbol;
  const Schedule &schedule;
  std::map<unsigned, hl::ImageParam> inputs;      // by value
  std::map<unsigned, hl::Func> inverses, means;   // of norms, by value
  std::vector<hl::Argument> arguments;
  std::vector<hl::Func> outputs;
};

const RegionValue *RegionFuncs::rope() const {
  for (const RegionValue &value : region.values)
    if (!value.isInput && (value.op == RowOp::Rope || value.op == RowOp::RopeInterleaved))
      return &value;
  return nullptr;
}

void RegionFuncs::addInputs() {
  unsigned argument = 0;
  for (unsigned id = 0; id < region.values.size(); ++id) {
    const RegionValue &value = region.values[id];
    if (!value.isInput)
      continue;
    hl::Type type = halideType(value.element);
    hl::ImageParam input(type, 1, "in" + std::to_string(id) + "_" + symbol);
    input.dim(0).set_bounds(0, int(value.length)).set_stride(int(value.step));
    inputs[id] = input;
    arguments.push_back(input);
    buffers.push_back({argument++, 0, uint8_t(type.code()), uint8_t(type.bits()), {{int32_t(value.length), int32_t(value.step)}}});
  }
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

hl::Expr RegionFuncs::valueAt(unsigned id, const Point &point) {
  if (region.values[id].isInput)
    return toFloat(inputs.at(id)(point.column));
  return operationAt(id, point);
}

hl::Expr RegionFuncs::operationAt(unsigned id, const Point &point) {
  const RegionValue &value = region.values[id];
  auto operand = [&](unsigned i) { return valueAt(value.operands[i], point); };
  switch (value.op) {
  case RowOp::Add:
    return operand(0) + operand(1);
  case RowOp::Mul:
    return operand(0) * operand(1);
  case RowOp::Silu: {
    hl::Expr x = operand(0);
    return sigmoidTimes(x, x);
  }
  case RowOp::Sigmoid:
    return sigmoidTimes(1.0f, operand(0));
  case RowOp::Gelu: {
    hl::Expr x = operand(0);
    return x * normalIntegral(x);
  }
  case RowOp::GeluTanh:
    return geluTanh(operand(0));
  case RowOp::Snap: {
    bool isOne = region.values[value.operands[1]].length == 1;
    hl::Expr scale = isOne ? valueAt(value.operands[1], Point{hl::Expr(0)}) : operand(1);
    return snapTo(operand(0), scale, float(value.least), float(value.greatest));
  }
  case RowOp::RmsNorm:
  case RowOp::LayerNorm:
    return normAt(id, point);
  case RowOp::Rope:
  case RowOp::RopeInterleaved:
    return ropeAt(value, point);
  }
  return {};
}

/// (a, b) -> (a cos - b sin, b cos + a sin)
hl::Expr RegionFuncs::ropeAt(const RegionValue &value, const Point &point) {
  hl::Expr self = valueAt(value.operands[0], Point{point.column});
  if (!point.pair.defined())
    return self;
  hl::Expr other = valueAt(value.operands[0], Point{point.partner});
  hl::Expr cos = valueAt(value.operands[1], Point{point.pair}), sin = valueAt(value.operands[2], Point{point.pair});
  return self * cos + other * (hl::select(point.isSecond, 1.0f, -1.0f) * sin);
}

hl::Expr RegionFuncs::normAt(unsigned id, const Point &point) {
  const RegionValue &value = region.values[id];
  bool centered = value.op == RowOp::LayerNorm;
  std::string suffix = std::to_string(id);
  float count = float(region.columns);
  if (!inverses.count(id)) {
    auto x = [&](hl::Expr column) { return valueAt(value.operands[0], Point{column}); };
    if (centered)
      means[id] = scalar("mean" + suffix, sumOf("sum" + suffix, x)() / count);
    auto square = [&](hl::Expr column) {
      hl::Expr difference = centered ? x(column) - means.at(id)() : x(column);
      return difference * difference;
    };
    hl::Expr mean = sumOf("squares" + suffix, square)() / count;
    inverses[id] = scalar("inverse" + suffix, 1.0f / hl::sqrt(mean + value.epsilon));
  }
  hl::Expr x = valueAt(value.operands[0], point);
  if (centered)
    x = x - means.at(id)();
  hl::Expr scaled = x * inverses.at(id)() * valueAt(value.operands[1], point);
  return centered ? scaled + valueAt(value.operands[2], point) : scaled;
}

hl::Func RegionFuncs::scalar(const std::string &name, hl::Expr value) {
  hl::Func f = func(name);
  f() = value;
  f.compute_root();
  return f;
}

/// Sum of a row in a stated order: `width` partial sums of columns congruent modulo `width`, ascending,
/// then halves added until one is left.
hl::Func RegionFuncs::sumOf(const std::string &name, const std::function<hl::Expr(hl::Expr)> &term) {
  int columns = int(region.columns), width = schedule.lanes * schedule.accumulators;
  while (width > columns)
    width /= 2;
  hl::Var lane = var("lane");
  hl::Func partial = func(name + "_partial");
  partial(lane) = 0.0f;
  hl::RDom step(0, columns / width, "step_" + name + symbol);
  partial(lane) += term(step * width + lane);
  partial.compute_root().vectorize(lane, std::min(width, schedule.lanes)).unroll(lane);
  partial.update(0).reorder(lane, step).vectorize(lane, std::min(width, schedule.lanes)).unroll(lane);
  if (int rest = columns % width) {
    hl::RDom tail(0, rest, "tail_" + name + symbol);
    partial(tail) += term(columns - rest + tail);
    partial.update(1).vectorize(tail);
  }
  hl::Func sums = partial;
  while (width > 1) {
    width /= 2;
    hl::Func halves = func(name + "_" + std::to_string(width));
    halves(lane) = sums(lane) + sums(lane + width);
    halves.compute_root();
    if (width > 1)
      halves.vectorize(lane, width);
    sums = halves;
  }
  return scalar(name, sums(0));
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void RegionFuncs::addOutput(hl::Func func, unsigned argument, int64_t byteOffset,
                            std::vector<HalideBuffer::Dimension> dimensions) {
  hl::OutputImageParam buffer = func.output_buffer();
  for (size_t i = 0; i < dimensions.size(); ++i)
    buffer.dim(int(i)).set_bounds(0, dimensions[i].extent).set_stride(dimensions[i].stride);
  hl::Type type = buffer.type();
  buffers.push_back({argument, byteOffset, uint8_t(type.code()), uint8_t(type.bits()), std::move(dimensions)});
  outputs.push_back(func);
}

/// Columns [first, first + count).
void RegionFuncs::addRun(const RegionOutput &output, unsigned argument, int first, int count) {
  hl::Var x = var("x");
  hl::Func out = func("out" + std::to_string(argument) + "_" + std::to_string(first));
  hl::Type type = halideType(output.element);
  out(x) = hl::cast(type, valueAt(output.value, Point{x + first}));
  out.vectorize(x, vectorOf(count), hl::TailStrategy::GuardWithIf);
  addOutput(out, argument, first * output.step * type.bytes(), {{count, int(output.step)}});
}

/// The columns that a rope turns, both of a pair at once: out(p, j) is element p of pair j.
void RegionFuncs::addPairs(const RegionOutput &output, unsigned argument, int pairs, bool interleaved) {
  hl::Var p = var("p"), j = var("j");
  hl::Func out = func("pairs" + std::to_string(argument));
  int within = interleaved ? 1 : pairs, between = interleaved ? 2 : 1;
  Point point{j * between + p * within, j, j * between + (1 - p) * within, p == 1};
  out(p, j) = hl::cast(halideType(output.element), valueAt(output.value, point));
  out.bound(p, 0, 2);
  if (interleaved)
    out.vectorize(p).vectorize(j, vectorOf(pairs), hl::TailStrategy::GuardWithIf);
  else
    out.unroll(p).reorder(p, j).vectorize(j, vectorOf(pairs), hl::TailStrategy::GuardWithIf);
  addOutput(out, argument, 0, {{2, int(output.step) * within}, {pairs, int(output.step) * between}});
}

/// Lanes computed at once of `count` elements: without a tail where that can be.
int RegionFuncs::vectorOf(int count) const {
  int width = schedule.lanes * schedule.vectors;
  if (count % width != 0 && count % schedule.lanes == 0)
    width = schedule.lanes;
  while (width > count)
    width /= 2;
  return width;
}

void RegionFuncs::addFloats(const RegionOutput &output, unsigned argument) {
  const RegionValue *turn = rope();
  int pairs = turn ? int(region.values[turn->operands[1]].length) : 0;
  if (turn)
    addPairs(output, argument, pairs, turn->op == RowOp::RopeInterleaved);
  if (int rest = int(region.columns) - 2 * pairs)
    addRun(output, argument, 2 * pairs, rest);
}

void RegionFuncs::addQuantized(const RegionOutput &output, unsigned argument) {
  int columns = int(region.columns), block = int(output.block), whole = columns / block;
  if (whole)
    addBlocks(output, argument, 0, whole, block);
  if (columns % block)
    addBlocks(output, argument, whole, 1, columns % block);
}

/// As quantizeRow of Numerics. |x| is compared as an integer, which orders floats of one sign.
void RegionFuncs::addBlocks(const RegionOutput &output, unsigned argument, int firstBlock, int blocks, int columns) {
  int block = int(output.block);
  std::string suffix = std::to_string(argument) + "_" + std::to_string(firstBlock);
  hl::Var i = var("i"), b = var("b");
  hl::Func x = func("x" + suffix), most = func("most" + suffix), code = func("code" + suffix), sum = func("sum" + suffix);
  hl::Func scale = func("scale" + suffix), inverse = func("inverse" + suffix);
  hl::Func codes = func("codes" + suffix), scales = func("scales" + suffix), sums = func("sums" + suffix);
  hl::RDom r(0, block, "r_" + suffix + symbol);

  hl::Expr column = (b + firstBlock) * block + (columns == block ? hl::Expr(i) : hl::min(i, columns - 1));
  hl::Expr value = valueAt(output.value, Point{column});
  x(i, b) = columns == block ? value : hl::select(i < columns, value, 0.0f);
  most(b) = 0;
  most(b) = hl::max(most(b), hl::reinterpret<int32_t>(x(r, b)) & 0x7fffffff);
  hl::Expr absmax = hl::reinterpret<float>(most(b));
  hl::Expr isZero = absmax < 0x1p-100f; // kLeastBlockMagnitude
  scale(b) = hl::select(isZero, 0.0f, absmax / 127.0f);
  inverse(b) = hl::select(isZero, 0.0f, 127.0f / absmax);
  code(i, b) = hl::cast<int32_t>(hl::round(x(i, b) * inverse(b)));
  sum(b) = 0;
  sum(b) += code(r, b);
  codes(i, b) = hl::saturating_cast<int8_t>(hl::saturating_cast<int16_t>(code(i, b)));
  scales(b) = scale(b);
  sums(b) = scale(b) * hl::cast<float>(sum(b));

  x.compute_at(codes, b).vectorize(i, schedule.lanes).unroll(i);
  most.compute_at(codes, b).update().atomic().vectorize(r);
  scale.compute_at(codes, b);
  inverse.compute_at(codes, b);
  code.compute_at(codes, b).vectorize(i, schedule.lanes).unroll(i);
  sum.compute_at(codes, b).update().atomic().vectorize(r);
  codes.vectorize(i);
  scales.compute_with(codes, b);
  sums.compute_with(codes, b);

  addOutput(codes, argument, int64_t(firstBlock) * block, {{block, 1}, {blocks, block}});
  addOutput(scales, argument + 1, int64_t(firstBlock) * 4, {{blocks, 1}});
  addOutput(sums, argument + 2, int64_t(firstBlock) * 4, {{blocks, 1}});
}

void RegionFuncs::build() {
  addInputs();
  unsigned argument = region.inputCount();
  for (const RegionOutput &output : region.outputs) {
    bool quantized = output.element == Scalar::None;
    quantized ? addQuantized(output, argument) : addFloats(output, argument);
    argument += quantized ? 3 : 1;
  }
}

hl::Module RegionFuncs::compile(const hl::Target &target) {
  return hl::Pipeline(outputs).compile_to_module(arguments, symbol, target, hl::LinkageType::External);
}

//===----------------------------------------------------------------------===//
// Bitcode
//===----------------------------------------------------------------------===//

/// Halide writes bitcode to a path only. This file has one, is in no folder, and is gone with this process.
class MemoryFile {
  int handle = memfd_create("phic region", MFD_CLOEXEC);

public:
  MemoryFile() = default;
  MemoryFile(const MemoryFile &) = delete;
  ~MemoryFile() {
    if (ok())
      close(handle);
  }
  bool ok() const { return handle >= 0; }
  std::string read() const {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return bytes.str();
  }
  const std::string path = "/proc/self/fd/" + std::to_string(handle);
};

} // namespace

std::optional<HalideCode> compileWithHalide(const RegionSpec &region, const std::string &symbol, const Target &target,
                                            std::string *error) {
  const Schedule *schedule = scheduleOf(target);
  MemoryFile file;
  if (!schedule || !file.ok()) {
    *error = schedule ? std::string("cannot make a file in memory") : "no schedule for " + std::string(target.name);
    return std::nullopt;
  }
  try {
    RegionFuncs funcs(region, symbol, *schedule);
    funcs.build();
    hl::Target halideTarget(std::string(target.halide) + "-no_runtime-no_asserts-no_bounds_query-strict_float");
    funcs.compile(halideTarget).compile({{hl::OutputFileType::bitcode, file.path}});
    return HalideCode{file.read(), std::move(funcs.buffers)};
  } catch (const hl::Error &exception) {
    *error = exception.what();
    return std::nullopt;
  }
}

} // namespace phic
