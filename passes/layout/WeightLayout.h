//===- WeightLayout.h - Which packed layout a weight takes -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrices take panels, vectors and the tables of rope rows of f32. Asked of a
// weight that stages read, so that its uses are known.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PASSES_LAYOUT_WEIGHTLAYOUT_H
#define PHIC_PASSES_LAYOUT_WEIGHTLAYOUT_H

#include "mlir/IR/Operation.h"
#include "targets/cpu/layout/PackedLayout.h"

namespace phic {

/// The layout of a phiq.weight or phiq.rope_table; empty, with a reason, when none holds it.
std::optional<PackedLayout> packedLayoutOf(mlir::Operation *weight, std::string *reason);

/// Bytes of its packed copy.
int64_t packedBytes(mlir::Operation *weight, const PackedLayout &layout);

} // namespace phic

#endif // PHIC_PASSES_LAYOUT_WEIGHTLAYOUT_H
