//===- RegionFuncs.h - A region as Halide's Funcs --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// phic's algorithm for a region, and its own schedule for each Func of it, which a
// plugin may replace (RegionBuilder.h).
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_REGIONS_REGIONFUNCS_H
#define PHIC_TARGETS_CPU_REGIONS_REGIONFUNCS_H

#include "targets/cpu/regions/Halide.h"
#include "targets/cpu/regions/RegionBuilder.h"
#include <map>

namespace phic {

namespace hl = Halide;

/// A row of Schedules.def.
struct RegionSchedule {
  std::string_view target;
  int lanes, vectors, accumulators;
};

/// What a scalar is to Halide. bf16 is read as the upper bits of an f32: Halide would emulate it.
hl::Type halideType(Scalar type);

/// A column, and for rope its pair's index, its partner in the pair, and whether it is the second of the two.
struct Point {
  hl::Expr column, pair = {}, partner = {}, isSecond = {};
};

class RegionFuncs final : public RegionBuilder {
public:
  RegionFuncs(const RowRegion &region, const CpuTarget &target, const std::string &symbol,
              const RegionSchedule &schedule)
      : RegionBuilder(region, target), symbol(symbol), schedule(schedule), isGiven(region.outputs.size()) {
    addInputs();
  }

  std::vector<Part> algorithm() override;
  hl::Expr value(mlir::Value value, hl::Expr column) override;
  void output(unsigned index, std::vector<hl::Func> funcs) override;
  std::string name(const std::string &text) const override { return text + "_" + symbol; }

  /// Schedules what nobody has, and hands the code to Halide.
  hl::Module compile(const hl::Target &target);

  std::vector<HalideBuffer> buffers;

private:
  void addInputs();
  void addPart(const std::string &name, hl::Func func, std::function<void(hl::Func)> schedule);
  unsigned argumentOf(unsigned output) const;
  void addFloats(const RegionOutput &output, unsigned argument);
  void addRun(const RegionOutput &output, unsigned argument, int first, int count);
  void addPairs(const RegionOutput &output, unsigned argument, int pairs, bool interleaved);
  void addQuantized(const RegionOutput &output, unsigned argument);
  void addBlocks(const RegionOutput &output, unsigned argument, int firstBlock, int blocks, int columns);
  void addOutput(hl::Func func, unsigned argument, int64_t byteOffset, std::vector<HalideBuffer::Dimension> dimensions);

  class Evaluation; // of one op's expression at one point
  hl::Expr valueAt(mlir::Value value, const Point &point);
  hl::Expr expressionAt(phiq::RowOpInterface op, const Point &point);
  hl::Expr ropeAt(phiq::RopeOp rope, const Point &point);
  hl::Func sumOf(const std::string &name, const std::function<hl::Expr(hl::Expr)> &term);
  hl::Func scalar(const std::string &name, hl::Expr value);
  hl::Func onceOf(const phiq::RowExpr::Node &node, llvm::function_ref<hl::Expr()> value);
  std::string nextSuffix() { return std::to_string(suffixes++); }

  hl::Var var(const std::string &name) { return hl::Var(name); }
  int vectorOf(int count) const;

  const std::string &symbol;
  const RegionSchedule &schedule;
  unsigned suffixes = 0;
  std::vector<bool> isGiven;          // by output
  std::vector<Part> parts;            // without a schedule yet
  std::vector<hl::ImageParam> inputs; // by argument
  std::map<mlir::Operation *, phiq::RowExpr> expressions;
  std::map<const phiq::RowExpr::Node *, hl::Func> once; // what is the same for a whole row
  std::vector<hl::Argument> arguments;
  std::vector<hl::Func> outputs;
};

} // namespace phic

#endif // PHIC_TARGETS_CPU_REGIONS_REGIONFUNCS_H
