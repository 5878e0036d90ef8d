//===- RegionBuilder.h - A region in the hands of a plugin -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two ways to make a region's code. Keep phic's algorithm and schedule it:
//
//     for (RegionBuilder::Part &part : builder.algorithm())
//       if (part.name.starts_with("out")) part.func.vectorize(part.func.args()[0], 16, TailStrategy::GuardWithIf);
//       else part.schedule();                        // as phic does
//
// or write Funcs of your own over the region's values, one set for each result:
//
//     Func out = builder.func("out");
//     out(x) = builder.value(builder.region.outputs[0].value, x);
//     builder.output(0, {out});
//
// The code runs on one row, on one thread: no parallel, no allocation on the heap (compute_root of a whole row is on
// the stack where its size is a constant). Every name must come from name() or func(): names decide the bytes of a
// program, and Halide numbers those that it has seen before.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_REGIONS_REGIONBUILDER_H
#define PHIC_TARGETS_CPU_REGIONS_REGIONBUILDER_H

#include "targets/cpu/regions/RegionRow.h"
#include <Halide.h>
#include <functional>

namespace phic {

class RegionBuilder {
public:
  RegionBuilder(const RowRegion &region, const CpuTarget &target) : region(region), target(target) {}
  virtual ~RegionBuilder() = default;

  const RowRegion &region;
  const CpuTarget &target;

  /// A Func of phic's algorithm. `out...` and `pairs...` (what a rope turns) are rows of floats; `codes...`, `scales...`
  /// and `sums...` the parts of quantized rows; others are reductions and blocks that these read.
  struct Part {
    std::string name;
    Halide::Func func;
    std::function<void()> schedule; ///< gives it phic's schedule
  };
  /// Builds all of the region's results. Each part is to be scheduled by the caller, in this order.
  virtual std::vector<Part> algorithm() = 0;

  /// A value of the region at a column, as f32: an argument of its function, or what an op makes. Reductions behind it
  /// (of norms) get phic's schedule.
  virtual Halide::Expr value(mlir::Value value, Halide::Expr column) = 0;
  /// Result `index`: of floats one Func of a column; of a quantized row three: codes of a column (the rest of the last
  /// block is 0), scales of a block, sums of a block (Numerics.h, quantizeRow).
  virtual void output(unsigned index, std::vector<Halide::Func> funcs) = 0;

  virtual std::string name(const std::string &text) const = 0;
  Halide::Func func(const std::string &text) const { return Halide::Func(name(text)); }
};

} // namespace phic

#endif // PHIC_TARGETS_CPU_REGIONS_REGIONBUILDER_H
