//===- Lifetimes.cpp - When each buffer holds something --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/layout/Lifetimes.h"
#include "dialects/phiq/Phiq.h"
#include "llvm/ADT/DenseMap.h"

using namespace mlir;

namespace phic {

SmallVector<Lifetime> lifetimesOf(func::FuncOp model) {
  llvm::DenseMap<Operation *, unsigned> index;
  for (auto stage : model.getOps<plan::StageOp>())
    index.try_emplace(stage, index.size());
  SmallVector<Lifetime> lifetimes;
  for (auto stage : model.getOps<plan::StageOp>())
    for (OpResult result : stage.getResults()) {
      Lifetime lifetime{result, index[stage], index[stage], /*isLogits=*/false};
      for (Operation *user : result.getUsers()) {
        lifetime.isLogits |= isa<func::ReturnOp>(user);
        if (auto found = index.find(user); found != index.end())
          lifetime.last = std::max(lifetime.last, found->second);
      }
      lifetimes.push_back(lifetime);
    }
  return lifetimes;
}

uint64_t rowBytesOf(const Lifetime &lifetime, const Backend &backend) {
  auto rows = cast<ShapedType>(lifetime.result.getType());
  // Logits are the caller's rows, one after another.
  return lifetime.isLogits ? 4 * rows.getShape().back() : backend.rowLayout(rows).rowBytes;
}

} // namespace phic
