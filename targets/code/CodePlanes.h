//===- CodePlanes.h - Codes out of their planes ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The inverse of what PackedLayout's packer does with codes, as code of a kernel.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CODE_CODEPLANES_H
#define PHIC_TARGETS_CODE_CODEPLANES_H

#include "targets/code/KernelBuilder.h"
#include "targets/layout/PackedLayout.h"

namespace phic {

/// Groups first, first + 1, ... of a run, as bytes that hold one code each. `load(at)` gives the bytes, a vector of as many
/// columns as the caller wants or a column's four as an i32, of the vector that lies `at` bytes behind the run's first.
llvm::SmallVector<mlir::Value, 8> unpackGroups(KernelBuilder &b, const PackedLayout &layout, int64_t first,
                                               int64_t count, llvm::function_ref<mlir::Value(int64_t at)> load);

} // namespace phic

#endif // PHIC_TARGETS_CODE_CODEPLANES_H
