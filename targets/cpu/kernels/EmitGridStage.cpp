//===- EmitGridStage.cpp - Kernels of ops on grids -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which kernel an op has: a row of the table below, but for maps, which share one.
//===----------------------------------------------------------------------===//
#include "targets/KernelName.h"
#include "targets/cpu/kernels/GridEmitter.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace phic {
namespace {

std::string elementName(Type type) {
  const std::string bits = std::to_string(type.getIntOrFloatBitWidth());
  return type.isF32() ? "f32" : type.isInteger(1) ? "b1" : (isUnsignedInteger(type) ? "u" : "s") + bits;
}

/// Names for people: what its functions are, in order.
std::string workName(plan::StageOp stage) {
  if (std::optional<RowChain> chain = RowChain::of(stage.getBody().front())) {
    std::string name = "contract";
    for (const RowChain::Step &step : chain->steps)
      name += "_" + step.reader->getName().stripDialect().str();
    return name;
  }
  SmallVector<StringRef> names;
  if (!stage.getBody().front().getOps<phiq::ContractOp>().empty())
    names.push_back("contract");
  if (!stage.getBody().front().getOps<phiq::DepthwiseOp>().empty())
    names.push_back("depthwise");
  for (auto map : stage.getBody().front().getOps<phiq::MapOp>())
    if (names.size() < 4)
      names.push_back(phiq::stringifyMapFunction(map.getFunction()));
  if (!names.empty())
    return llvm::join(names, "_");
  Operation *op = stage.getBody().front().getTerminator()->getPrevNode();
  return isa<phiq::ReshapeOp>(op) ? "copy" : op->getName().stripDialect().str();
}

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
  auto type = cast<ShapedType>(stage.getResult(0).getType());
  FailureOr<GridKernel> made = kernelOf(facts, target);
  if (failed(made))
    return failure();
  const GridKernel &grid = *made;
  StageKernel kernel{{grid.tiles, std::max<int64_t>(1, *facts.rows)}, grid.scratchBytes, {}};
  KernelName name{.op = workName(stage),
                  .lhs = elementName(elementTypeOf(stage.getInputs().front())),
                  .out = elementName(type.getElementType()),
                  .shape = "n" + std::to_string(type.getNumElements()),
                  .isa = target.isa};
  kernel.symbol = defineStageKernel(library, facts, grid.key + scaleKey(stage), name.str(), [&](StageEmitter &e) {
    GridEmitter g{e, e.b, target};
    e.eachTile([&](Value tile) { grid.tile(g, tile); });
  });
  return kernel;
}

} // namespace phic
