//===- Lifetimes.cpp - When each buffer holds something --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/layout/Lifetimes.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/plan/Entry.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic {

SmallVector<Lifetime> lifetimesOf(func::FuncOp model) {
  llvm::DenseMap<Operation *, unsigned> index;
  for (auto stage : model.getOps<plan::StageOp>())
    index.try_emplace(stage, index.size());
  SmallVector<Lifetime> lifetimes;
  for (auto stage : model.getOps<plan::StageOp>())
    for (OpResult result : stage.getResults()) {
      Lifetime lifetime{result, index[stage], index[stage], std::nullopt};
      for (OpOperand &use : result.getUses()) {
        if (isa<func::ReturnOp>(use.getOwner()))
          lifetime.slot = plan::slotOfResult(model, use.getOperandNumber());
        if (auto found = index.find(use.getOwner()); found != index.end())
          lifetime.last = std::max(lifetime.last, found->second);
      }
      lifetimes.push_back(lifetime);
    }
  return lifetimes;
}

uint64_t rowBytesOf(Type type, plan::Space space, const Backend &backend) {
  auto shaped = cast<ShapedType>(type);
  Type element = shaped.getElementType();
  // What a step chooses the rows of; tensors of a fixed shape are dense, whatever shape their readers see.
  const bool isRows = isa<phiq::BlockType>(element) || (!shaped.hasStaticShape() && element.isF32());
  if (space == plan::Space::Arena && isRows)
    return uint64_t(backend.rowLayout(shaped).rowBytes);
  return plan::denseRowBytes(type);
}

uint64_t mostRowsOf(Type type, uint64_t chunkRows) {
  auto shaped = cast<ShapedType>(type);
  return shaped.getRank() == 0 ? 1 : shaped.isDynamicDim(0) ? chunkRows : uint64_t(shaped.getDimSize(0));
}

} // namespace phic
