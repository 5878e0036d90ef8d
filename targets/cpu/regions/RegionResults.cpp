//===- RegionResults.cpp - The results of a region in Halide ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of floats, pairs that a rope turns, and blocks of a quantized row: each a Func
// with its view of the result's memory.
//===----------------------------------------------------------------------===//
#include "targets/cpu/regions/RegionFuncs.h"
#include <sstream>
#include <stdexcept>

namespace phic {

/// Pairs that a rope turns: the columns of its tables.
static int pairsOf(phiq::RopeOp rope) { return rope ? int(rope.getCos().getType().getShape().back()) : 0; }

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
  std::string name = "out" + std::to_string(argument) + "_" + std::to_string(first);
  hl::Func out = func(name);
  hl::Type type = halideType(output.element);
  out(x) = hl::cast(type, valueAt(output.value, Point{x + first}));
  addPart(name, out,
          [=, vector = vectorOf(count)](hl::Func out) { out.vectorize(x, vector, hl::TailStrategy::GuardWithIf); });
  addOutput(out, argument, first * output.step * type.bytes(), {{count, int(output.step)}});
}

/// The columns that a rope turns, both of a pair at once: out(p, j) is element p of pair j.
void RegionFuncs::addPairs(const RegionOutput &output, unsigned argument, int pairs, bool interleaved) {
  hl::Var p = var("p"), j = var("j");
  hl::Func out = func("pairs" + std::to_string(argument));
  int within = interleaved ? 1 : pairs, between = interleaved ? 2 : 1;
  Point point{j * between + p * within, j, j * between + (1 - p) * within, p == 1};
  out(p, j) = hl::cast(halideType(output.element), valueAt(output.value, point));
  addPart("pairs" + std::to_string(argument), out, [=, vector = vectorOf(pairs)](hl::Func out) {
    out.bound(p, 0, 2);
    if (interleaved)
      out.vectorize(p).vectorize(j, vector, hl::TailStrategy::GuardWithIf);
    else
      out.unroll(p).reorder(p, j).vectorize(j, vector, hl::TailStrategy::GuardWithIf);
  });
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
  phiq::RopeOp turn = region.rope();
  const int pairs = pairsOf(turn);
  if (turn)
    addPairs(output, argument, pairs, turn.getInterleaved());
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
  hl::Func x = func("x" + suffix), most = func("most" + suffix), code = func("code" + suffix),
           sum = func("sum" + suffix);
  hl::Func scale = func("scale" + suffix), inverse = func("inverse" + suffix);
  hl::Func codes = func("codes" + suffix), scales = func("scales" + suffix), sums = func("sums" + suffix);
  hl::RDom r(0, block, "r_" + suffix + symbol);

  hl::Expr column = (b + firstBlock) * block + (columns == block ? hl::Expr(i) : hl::min(i, columns - 1));
  hl::Expr value = valueAt(output.value, Point{column});
  x(i, b) = columns == block ? value : hl::select(i < columns, value, 0.0f);
  most(b) = 0;
  most(b) = hl::max(most(b), hl::reinterpret<int32_t>(x(r, b)) & 0x7fffffff);
  // From infinity on it is NaN, and so are scale and sum.
  constexpr int32_t kInfinity = 0x7f800000;
  hl::Expr absmax = hl::reinterpret<float>(most(b) + hl::select(most(b) == kInfinity, 1, 0));
  hl::Expr isZero = absmax < 0x1p-100f; // kLeastBlockMagnitude
  scale(b) = hl::select(isZero, 0.0f, absmax / 127.0f);
  inverse(b) = hl::select(isZero, 0.0f, 127.0f / absmax);
  code(i, b) = hl::cast<int32_t>(hl::round(x(i, b) * inverse(b)));
  sum(b) = 0;
  sum(b) += code(r, b);
  codes(i, b) = hl::saturating_cast<int8_t>(hl::saturating_cast<int16_t>(code(i, b)));
  scales(b) = scale(b);
  sums(b) = scale(b) * hl::cast<float>(sum(b));

  int lanes = schedule.lanes;
  auto rows = [=](hl::Func f) { f.compute_at(codes, b).vectorize(i, lanes).unroll(i); };
  auto reductions = [=](hl::Func f) { f.compute_at(codes, b).update().atomic().vectorize(r); };
  auto scalars = [=](hl::Func f) { f.compute_at(codes, b); };
  auto withCodes = [=](hl::Func f) { f.compute_with(codes, b); };
  addPart("x" + suffix, x, rows);
  addPart("most" + suffix, most, reductions);
  addPart("scale" + suffix, scale, scalars);
  addPart("inverse" + suffix, inverse, scalars);
  addPart("code" + suffix, code, rows);
  addPart("sum" + suffix, sum, reductions);
  addPart("codes" + suffix, codes, [=](hl::Func f) { f.vectorize(i); });
  addPart("scales" + suffix, scales, withCodes);
  addPart("sums" + suffix, sums, withCodes);

  addOutput(codes, argument, int64_t(firstBlock) * block, {{block, 1}, {blocks, block}});
  addOutput(scales, argument + 1, int64_t(firstBlock) * 4, {{blocks, 1}});
  addOutput(sums, argument + 2, int64_t(firstBlock) * 4, {{blocks, 1}});
}

void RegionFuncs::addPart(const std::string &name, hl::Func func, std::function<void(hl::Func)> schedule) {
  parts.push_back({name, func, [=] { schedule(func); }});
}

/// The first pointer argument of a result.
unsigned RegionFuncs::argumentOf(unsigned output) const {
  unsigned argument = unsigned(region.inputs.size());
  for (unsigned i = 0; i < output; ++i)
    argument += region.outputs[i].element == Scalar::None ? 3 : 1;
  return argument;
}

std::vector<RegionBuilder::Part> RegionFuncs::algorithm() {
  for (unsigned i = 0; i < region.outputs.size(); ++i) {
    const RegionOutput &output = region.outputs[i];
    isGiven[i] = true;
    output.element == Scalar::None ? addQuantized(output, argumentOf(i)) : addFloats(output, argumentOf(i));
  }
  return std::exchange(parts, {});
}

hl::Expr RegionFuncs::value(mlir::Value value, hl::Expr column) {
  phiq::RopeOp turn = region.rope();
  if (!turn)
    return valueAt(value, Point{column});
  const int pairs = pairsOf(turn);
  const bool interleaved = turn.getInterleaved();
  hl::Expr turned = hl::min(column, 2 * pairs - 1); // columns behind the pairs pass
  hl::Expr isSecond = interleaved ? turned % 2 == 1 : turned >= pairs;
  int within = interleaved ? 1 : pairs;
  Point point{turned, interleaved ? turned / 2 : turned % pairs, turned + hl::select(isSecond, -within, within),
              isSecond};
  if (2 * pairs == region.columns)
    return valueAt(value, point);
  return hl::select(column < 2 * pairs, valueAt(value, point), valueAt(value, Point{column}));
}

void RegionFuncs::output(unsigned index, std::vector<hl::Func> funcs) {
  auto require = [&](bool condition, const std::string &what) {
    if (!condition)
      throw std::invalid_argument("result " + std::to_string(index) + " " + what);
  };
  require(index < region.outputs.size() && !isGiven[index], "is not there, or is given twice");
  const RegionOutput &output = region.outputs[index];
  bool quantized = output.element == Scalar::None;
  std::vector<hl::Type> types = {hl::Int(8), hl::Float(32), hl::Float(32)};
  if (!quantized)
    types = {halideType(output.element)};
  require(funcs.size() == types.size(), "takes " + std::to_string(types.size()) + " Funcs");
  int blocks = quantized ? int((region.columns + output.block - 1) / output.block) : 0;
  for (unsigned i = 0; i < funcs.size(); ++i) {
    require(funcs[i].defined() && funcs[i].dimensions() == 1 && funcs[i].type() == types[i],
            "takes a Func of one dimension and type " + (std::ostringstream() << types[i]).str());
    int extent = !quantized ? int(region.columns) : i == 0 ? blocks * int(output.block) : blocks;
    addOutput(funcs[i], argumentOf(index) + i, 0, {{extent, quantized ? 1 : int(output.step)}});
  }
  isGiven[index] = true;
}

hl::Module RegionFuncs::compile(const hl::Target &target) {
  for (unsigned i = 0; i < isGiven.size(); ++i)
    if (!isGiven[i])
      throw std::invalid_argument("result " + std::to_string(i) + " is not given");
  for (Part &part : parts)
    part.schedule();
  return hl::Pipeline(outputs).compile_to_module(arguments, symbol, target, hl::LinkageType::External);
}

} // namespace phic
