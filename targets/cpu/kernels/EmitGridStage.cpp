//===- EmitGridStage.cpp - Kernels of ops on grids -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which kernel an op has: a row of the table below, but for maps, which share one.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/GridEmitter.h"
#include "targets/stages/GridName.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace phic {
namespace {

/// The op that does the work: a chain of rows, a contraction, or the last, behind views.
FailureOr<GridKernel> kernelOf(const StageFacts &facts, const CpuTarget &target) {
  plan::StageOp stage = facts.stage;
  if (cast<ShapedType>(stage.getResult(0).getType()).getNumElements() == 0)
    return GridKernel{/*tiles=*/1, /*scratchBytes=*/0, [](GridEmitter &, Value) {}};
  if (std::optional<RowChain> chain = RowChain::of(stage.getBody().front()))
    return rowChainKernel(facts, *chain, target);
  if (facts.first<phiq::ContractOp>())
    return contractKernel(facts, target);
  if (auto depthwise = facts.first<phiq::DepthwiseOp>())
    return depthwiseKernel(depthwise);
  Operation *op = stage.getBody().front().getTerminator()->getPrevNode();
  return llvm::TypeSwitch<Operation *, FailureOr<GridKernel>>(op)
      .Case<phiq::MapOp, phiq::ReshapeOp>([&](auto) { return mapKernel(stage); })
      .Case<phiq::PermuteOp, phiq::SliceOp, phiq::ConcatOp, phiq::BroadcastOp, phiq::PadOp>(moveKernel)
      .Case<phiq::GatherOp, phiq::GatherElementsOp, phiq::GatherNDOp>(gatherKernel)
      .Case<phiq::ScatterNDOp>(scatterKernel)
      .Case<phiq::ReduceOp>(reduceKernel)
      .Case<phiq::ArgOp>(argKernel)
      .Case<phiq::SoftmaxOp, phiq::NormalizeOp>(lastAxisKernel)
      .Case<phiq::PoolOp>(poolKernel)
      .Case<phiq::ConvTransposeOp>(convTransposeKernel)
      .Case<phiq::ResampleOp>(resampleKernel)
      .Case<phiq::LstmOp>(lstmKernel)
      .Default([](Operation *) -> FailureOr<GridKernel> { llvm_unreachable("every op on a grid has a kernel"); });
}

} // namespace

void GridEmitter::over(Value begin, Value end, ArrayRef<int64_t> widths, function_ref<void(Value, int64_t)> body) {
  assert(widths.back() == 1 && "every element is visited");
  for (int64_t width : widths) {
    Value whole = width == 1 ? end : b.add(begin, b.mul(b.divide(b.sub(end, begin), width), width));
    b.loop(begin, whole, width, [&](Value i) { body(i, width); });
    begin = whole;
  }
}

RowTiles::RowTiles(int64_t rows, int64_t inner, int64_t work) : rows(rows), inner(inner) {
  // Runs are whole vectors, however wide.
  constexpr int64_t kLeast = 64;
  const int64_t elements = std::max<int64_t>(1, kGridTileElements / std::max<int64_t>(1, work));
  run = std::clamp(elements / kLeast * kLeast, kLeast, std::max(inner, kLeast));
  rowsOfTile = run < inner ? 1 : std::max<int64_t>(1, elements / std::max<int64_t>(1, inner));
}

void RowTiles::overRows(KernelBuilder &b, Value tile, function_ref<void(Value, Value, Value)> body) const {
  Value group = b.divide(tile, runs()), first = b.mul(group, rowsOfTile);
  Value begin = b.mul(b.sub(tile, b.mul(group, runs())), run), end = b.minimum(b.add(begin, run), b.i64(inner));
  b.loop(first, b.minimum(b.add(first, rowsOfTile), b.i64(rows)), 1, [&](Value row) { body(row, begin, end); });
}

FailureOr<StageKernel> emitGridStage(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target) {
  plan::StageOp stage = facts.stage;
  FailureOr<GridKernel> made = kernelOf(facts, target);
  if (failed(made))
    return failure();
  const GridKernel &grid = *made;
  const std::string name = gridKernelName(stage, target.isa);
  StageKernel kernel{{grid.tiles, std::max<int64_t>(1, *facts.rows)}, grid.scratchBytes, {}};
  kernel.symbol = defineStageKernel(library, facts, grid.key + scaleKey(stage), name, [&](StageEmitter &e) {
    GridEmitter g{e, e.b, target};
    e.eachTile([&](Value tile) { grid.tile(g, tile); });
  });
  return kernel;
}

} // namespace phic
