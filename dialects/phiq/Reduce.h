//===- Reduce.h - What reductions begin with -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_DIALECTS_PHIQ_REDUCE_H
#define PHIC_DIALECTS_PHIQ_REDUCE_H

#include "dialects/phiq/Grid.h"

namespace phic::phiq {

/// What a phiq.reduce of no floats gives, but for a mean, which is a quotient of 0.
double startOf(ReduceKind kind);
/// The same of integers of that type.
int64_t wholeStartOf(ReduceKind kind, mlir::Type element);

} // namespace phic::phiq

#endif // PHIC_DIALECTS_PHIQ_REDUCE_H
