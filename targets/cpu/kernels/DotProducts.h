//===- DotProducts.h - Rows times few columns ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where there are fewer columns than fill a vector, vectors lie along K: both operands are rows [.., K], and what a
// vector's lanes have summed is added up at the end.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_DOTPRODUCTS_H
#define PHIC_TARGETS_CPU_KERNELS_DOTPRODUCTS_H

#include "targets/cpu/kernels/Contraction.h"

namespace phic {

/// Bytes of scratch memory for so many rows.
int64_t dotScratchBytes(int64_t rows, int64_t columns);

/// Emits sums = rows times columns, words [count][columns]; `lanes` of a vector, at most kChunkWords / 2.
void emitDotProducts(KernelBuilder &b, const ContractionShape &shape, const WordProduct &dot, int64_t lanes,
                     int64_t columns, const ContractionCall &call);

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_DOTPRODUCTS_H
