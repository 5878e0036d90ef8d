//===- TallMatmul.h - Matmul of many rows ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A register tile unpacks the codes of its columns for every few rows. With many
// rows it pays to do that once:
//
//     for each group of panels:
//       for each chunk of K:
//         codes to bytes, parameters to f32 -> scratch, one entry an activation block
//         for each MR rows:
//           for each entry:  out[MR][panels] += one activation block
//
// Sums stay in `out` between two blocks, so that the registers hold the integer sums of more
// columns. The operations of a row and their order are those of emitMatmulTile.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_TALLMATMUL_H
#define PHIC_TARGETS_CPU_KERNELS_TALLMATMUL_H

#include "targets/cpu/kernels/MatmulTiles.h"

namespace phic {

/// Scratch memory of a call.
int64_t tallMatmulScratch(const MatmulOperands &operands, const RegisterTile &tile);

/// A multiple of MR rows times a multiple of the tile's panels; vectors hold `registerLanes` columns: a panel, or two.
void emitTallMatmul(KernelBuilder &b, const MatmulOperands &operands, const MatmulVariant &variant,
                    int64_t registerLanes, const TallMatmulCall &call);

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_TALLMATMUL_H
