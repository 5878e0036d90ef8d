//===- EmitGridStage.cpp - Kernels of ops on grids -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which kernel an op has: a row of the table below, but for maps, which share one. Blocks lie along x.
//===----------------------------------------------------------------------===//
#include "phi/gpu.h"
#include "targets/gpu/Kernels.h"
#include "targets/gpu/ProductCode.h"
#include "targets/stages/GridName.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace phic::gpu_code {
namespace {

/// The maps of a stage, which are of one shape, or none: a copy.
GpuGridKernel mapKernel(plan::StageOp stage) {
  return threadKernel(cast<ShapedType>(stage.getResult(0).getType()).getNumElements(),
                      [](GridCode &g, Value at) { g.finish(Value(), Value(), at); });
}

/// The op that does the work: a chain of rows, a contraction, or the last, behind views.
GpuGridKernel kernelOf(const StageFacts &facts) {
  plan::StageOp stage = facts.stage;
  if (cast<ShapedType>(stage.getResult(0).getType()).getNumElements() == 0)
    return threadKernel(0, [](GridCode &, Value) {});
  Block &body = stage.getBody().front();
  if (std::optional<RowChain> chain = RowChain::of(body))
    return rowChainKernel(*chain);
  if (auto contract = facts.first<phiq::ContractOp>())
    return contractKernel(contract);
  if (auto depthwise = facts.first<phiq::DepthwiseOp>())
    return depthwiseKernel(depthwise);
  return llvm::TypeSwitch<Operation *, GpuGridKernel>(body.getTerminator()->getPrevNode())
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
      .Default([](Operation *) -> GpuGridKernel { llvm_unreachable("every op on a grid has a kernel"); });
}

/// Elements of four bytes that a block's own memory holds beside what joins its threads.
constexpr int64_t kBlockElements = (48 << 10) / 4 - 256;

std::optional<LackingKernel> lackingOf(Operation *op) {
  constexpr int64_t kMost = INT32_MAX / kGridThreads * kGridThreads; // as many threads have numbers
  auto isLarge = [](Value value) { return cast<ShapedType>(value.getType()).getNumElements() > kMost; };
  if (llvm::any_of(op->getOperands(), isLarge) || llvm::any_of(op->getResults(), isLarge))
    return LackingKernel{op, "has more than " + std::to_string(kMost) + " elements: kernels of GPUs take no more"};
  if (auto lstm = dyn_cast<phiq::LstmOp>(op); lstm && 4 * shapeOf(lstm.getHidden())[1] > kBlockElements)
    return LackingKernel{op, "has states of " + std::to_string(shapeOf(lstm.getHidden())[1]) +
                                 " elements: kernels of GPUs take at most " + std::to_string(kBlockElements / 4)};
  auto contract = dyn_cast<phiq::ContractOp>(op);
  auto block = contract ? dyn_cast<phiq::BlockType>(contract.getW().getType().getElementType()) : nullptr;
  if (block && block.getFormat().block % 16 != 0 && block.getFormat().block < contract.getK())
    return LackingKernel{op, "has a weight in blocks of " + std::to_string(block.getFormat().block) +
                                 " elements: kernels of GPUs take multiples of 16"};
  return std::nullopt;
}

} // namespace

std::optional<LackingKernel> findLackingGrid(plan::StageOp stage) {
  Block &body = stage.getBody().front();
  // The workspace is one more argument.
  constexpr unsigned kMost = PHI_GPU_MOST_ARGUMENTS - 1;
  if (const unsigned count = stage->getNumOperands() + stage->getNumResults(); count > kMost)
    return LackingKernel{&body.front(), "has a stage of " + std::to_string(count) +
                                            " operands and results: kernels of GPUs take at most " +
                                            std::to_string(kMost)};
  for (Operation &op : body.without_terminator())
    if (auto lacking = lackingOf(&op))
      return lacking;
  std::optional<RowChain> chain = RowChain::of(body);
  if (chain && chain->first.getColumns() > kBlockElements)
    return LackingKernel{chain->first, "begins rows of " + std::to_string(chain->first.getColumns()) +
                                           " elements that others read: kernels of GPUs take at most " +
                                           std::to_string(kBlockElements)};
  return std::nullopt;
}

FailureOr<GpuKernel> emitGridStage(KernelTable &table, const StageFacts &facts, const GpuLevel &level) {
  const GpuGridKernel kernel = kernelOf(facts);
  std::string key = scaleKey(facts.stage);
  for (auto contract : plan::StageOp(facts.stage).getBody().getOps<phiq::ContractOp>())
    key += ProductCode::keyOf(facts, contract);
  auto emit = [&](GpuStage &s) {
    GridCode g(s);
    kernel.emit(g);
  };
  const std::string symbol =
      defineGpuKernel(table, facts, key, gridKernelName(facts.stage, level.isa), kernel.threads, emit);
  return GpuKernel{{kernel.blocks, std::max<int64_t>(1, *facts.rows)}, symbol};
}

} // namespace phic::gpu_code
