//===- HalideKernel.cpp - Stages with Halide code of your own --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two rows, for the two ways to make a region's code: SwiGLU keeps phic's algorithm
// and gets another schedule; the residual sum is written anew.
//===----------------------------------------------------------------------===//
#include "compiler/Plugin.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/cpu/regions/RegionBuilder.h"

using namespace phic;

namespace {

/// Ops of a type. A region is a function of phiq ops on one row (targets/cpu/regions/Region.h).
template <typename Op> unsigned count(const RowRegion &region) {
  return unsigned(llvm::range_size(region.getOps<Op>()));
}

/// Ops that compute: all but the quantization of results.
unsigned operations(const RowRegion &region) {
  return count<phiq::RowOpInterface>(region) - count<phiq::QuantizeOp>(region);
}

//===----------------------------------------------------------------------===//
// SwiGLU: silu(gate) * up, mostly followed by the quantization of the row
//===----------------------------------------------------------------------===//

bool isSwiglu(const RowRegion &region, const CpuTarget &) {
  return operations(region) == 2 && count<phiq::SiluOp>(region) == 1 && count<mlir::arith::MulFOp>(region) == 1;
}

/// The whole row first, in vectors of 16, then its blocks; phic goes block by block.
void scheduleSwiglu(RegionBuilder &builder) {
  for (RegionBuilder::Part &part : builder.algorithm()) {
    llvm::StringRef name = part.name;
    Halide::Func func = part.func;
    if (name.starts_with("x")) // x(i, b): element i of block b, before it is quantized
      func.compute_root()
          .store_in(Halide::MemoryType::Stack)
          .vectorize(func.args()[0], 16, Halide::TailStrategy::GuardWithIf);
    else if (name.starts_with("out")) // a row of floats
      func.vectorize(func.args()[0], 16, Halide::TailStrategy::GuardWithIf);
    else
      part.schedule();
  }
}

//===----------------------------------------------------------------------===//
// Residual: x + y, a row of floats
//===----------------------------------------------------------------------===//

bool isResidual(const RowRegion &region, const CpuTarget &) {
  return operations(region) == 1 && count<mlir::arith::AddFOp>(region) == 1 && region.outputs.size() == 1 &&
         region.outputs[0].element == Scalar::F32;
}

/// `error` is added to each sum: 0, but for those who want to see that `phic verify` finds it.
void generateResidual(RegionBuilder &builder, float error) {
  Halide::Var x("x");
  Halide::Func sum = builder.func("sum");
  auto op = builder.region.outputs[0].value.getDefiningOp<mlir::arith::AddFOp>();
  sum(x) = builder.value(op.getLhs(), x) + builder.value(op.getRhs(), x) + error;
  sum.vectorize(x, 8, Halide::TailStrategy::GuardWithIf);
  builder.output(0, {sum});
}

void registerHalideKernel(PluginRegistry &registry) {
  float error = registry.option("fault", "off") == "on" ? 0.01f : 0.0f;
  registry.addRegion({"example-swiglu", isSwiglu, scheduleSwiglu});
  registry.addRegion(
      {"example-residual", isResidual, [error](RegionBuilder &builder) { generateResidual(builder, error); }});
}

} // namespace

PHIC_PLUGIN("halide-kernel", "1.0", registerHalideKernel)
