//===- Constants.cpp - Operands of stages that are known -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/stages/Constants.h"
#include "dialects/phiq/Grid.h"

using namespace mlir;

namespace phic {

Operation *weightOf(const StageFacts &facts, Value argument) {
  auto block = dyn_cast<BlockArgument>(throughReshapes(argument));
  Operation *source = plan::StageOp(facts.stage).getInputs()[block.getArgNumber()].getDefiningOp();
  return isWeight(source) ? source : nullptr;
}

std::optional<int64_t> constantOf(const StageFacts &facts, Value argument) {
  auto constant = dyn_cast_or_null<phiq::ConstantOp>(weightOf(facts, argument));
  if (!constant)
    return std::nullopt;
  const std::vector<int64_t> numbers = numbersOf(constant.getValue()).integers;
  return llvm::all_equal(numbers) ? std::optional(numbers.front()) : std::nullopt;
}

} // namespace phic
