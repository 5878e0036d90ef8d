//===- Constants.h - Operands of stages that are known ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TARGETS_STAGES_CONSTANTS_H
#define PHIC_TARGETS_STAGES_CONSTANTS_H

#include "targets/stages/StageFacts.h"

namespace phic {

/// The weight, or constant, that an argument of a stage's body is; null where an earlier stage, or the caller, makes it.
mlir::Operation *weightOf(const StageFacts &facts, mlir::Value argument);
/// The number that all elements of an argument are, where it is a constant of integers.
std::optional<int64_t> constantOf(const StageFacts &facts, mlir::Value argument);

} // namespace phic

#endif // PHIC_TARGETS_STAGES_CONSTANTS_H
