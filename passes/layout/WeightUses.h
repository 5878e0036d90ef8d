//===- WeightUses.h - How stages read a weight -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a backend is asked a weight's layout for. Asked of a weight that stages
// read, so that its uses are known.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PASSES_LAYOUT_WEIGHTUSES_H
#define PHIC_PASSES_LAYOUT_WEIGHTUSES_H

#include "targets/Backend.h"

namespace phic {

/// The one way in which stages read a phiq.weight or phiq.rope_table; empty, with a reason, when there are two.
std::optional<WeightUse> weightUseOf(mlir::Operation *weight, std::string *reason);

/// The backend's layout for that; null, with a reason, when there is none.
plan::WeightLayout weightLayoutOf(mlir::Operation *weight, const Backend &backend, std::string *reason);

/// Bytes of its packed copy.
int64_t packedBytes(mlir::Operation *weight, plan::WeightLayout layout);

} // namespace phic

#endif // PHIC_PASSES_LAYOUT_WEIGHTUSES_H
