//===- KernelFacts.cpp - What a kernel asks of its callers -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/plan/KernelFacts.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace phic::plan {
namespace {

constexpr llvm::StringLiteral kTiles = "plan.tiles", kScratch = "plan.scratch";

} // namespace

void setKernelFacts(Operation *kernel, KernelFacts facts) {
  std::optional<KernelFacts> before = kernelFacts(kernel);
  assert((!before || before->tiles == facts.tiles) && "one kernel, one way to count tiles");
  kernel->setAttr(kTiles, facts.tiles);
  kernel->setAttr(kScratch,
                  Builder(kernel->getContext())
                      .getI64IntegerAttr(int64_t(std::max(facts.scratchBytes, before ? before->scratchBytes : 0))));
}

std::optional<KernelFacts> kernelFacts(Operation *kernel) {
  auto tiles = kernel->getAttrOfType<TilesAttr>(kTiles);
  auto scratch = kernel->getAttrOfType<IntegerAttr>(kScratch);
  if (!tiles || !scratch)
    return std::nullopt;
  return KernelFacts{tiles, scratch.getValue().getLimitedValue()};
}

} // namespace phic::plan
