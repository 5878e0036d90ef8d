//===- WeightRoles.cpp - Embeddings, LM head, the rest ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/precision/WeightRoles.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/RowOps.h"

using namespace mlir;

namespace phic {
namespace {

/// The last matmul that a value is made by, through work on single rows; null where there is none.
phiq::MatmulOp lastMatmul(Value value) {
  llvm::SmallPtrSet<Operation *, 8> seen;
  SmallVector<Value> work = {value};
  while (!work.empty()) {
    Operation *op = work.pop_back_val().getDefiningOp();
    if (!op || isWeight(op) || !seen.insert(op).second)
      continue;
    if (auto matmul = dyn_cast<phiq::MatmulOp>(op))
      return matmul;
    llvm::append_range(work, op->getOperands());
  }
  return {};
}

} // namespace

SmallVector<WeightRole> findWeightRoles(ModuleOp module) {
  SmallVector<WeightRole> roles;
  phiq::MatmulOp head;
  if (func::FuncOp model = modelFunction(module))
    if (auto result = dyn_cast<func::ReturnOp>(model.getBody().front().getTerminator());
        result && result.getNumOperands())
      head = lastMatmul(result.getOperand(0));
  module.walk([&](phiq::WeightOp weight) {
    WeightRole role{weight};
    bool isMatrix = false;
    for (OpOperand &use : weight->getUses()) {
      std::optional<phiq::OperandRole> as = roleOf(use);
      role.isEmbedding |= as == phiq::OperandRole::TokenTable;
      isMatrix |= as == phiq::OperandRole::TokenTable || as == phiq::OperandRole::Matrix || phiq::isFactor(use);
      role.isLmHead |= head && use.getOwner() == head;
    }
    if (isMatrix)
      roles.push_back(role);
  });
  return roles;
}

} // namespace phic
