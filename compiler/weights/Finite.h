//===- Finite.h - Weights that are numbers ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A weight with NaN or infinity, or whose scale times a code overflows, is damaged or
// was never meant to be computed with in f32. Asked of rows while they are in memory to
// be packed, so that no byte of a model is read twice for it.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_WEIGHTS_FINITE_H
#define PHIC_COMPILER_WEIGHTS_FINITE_H

#include "dialects/phiq/Formats.h"
#include "llvm/ADT/ArrayRef.h"
#include <cstdint>

namespace phic {

/// The first of the rows [count, columns] with a value that is not finite, or -1.
int64_t findNonFinite(llvm::ArrayRef<float> values, int64_t columns);
/// The first row with a scale, zero point or minimum that is not finite, or which makes a value of some code that is not.
int64_t findNonFinite(llvm::ArrayRef<BlockRow> rows, const BlockFormat &format);

} // namespace phic

#endif // PHIC_COMPILER_WEIGHTS_FINITE_H
