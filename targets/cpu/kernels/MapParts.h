//===- MapParts.h - Long chains of maps in parts ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TARGETS_CPU_KERNELS_MAPPARTS_H
#define PHIC_TARGETS_CPU_KERNELS_MAPPARTS_H

#include "dialects/phiq/Grid.h"

namespace phic {

/// Maps, of what `main` makes if it is not null, divided where one f32 is all that is handed on, into parts of some work: a long chain of
/// dependent operations leaves most of a processor waiting, so that each part is to be a loop of its own.
llvm::SmallVector<llvm::ArrayRef<phiq::MapOp>> divideMaps(mlir::Operation *main, llvm::ArrayRef<phiq::MapOp> maps);

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_MAPPARTS_H
