//===- UnpackPanels.h - Panels of a weight as words ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The other operand of a register tile (Contraction.h): a chunk of some panels, word after word of K, the columns of all
// panels side by side. Once for all rows of a tile.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_UNPACKPANELS_H
#define PHIC_TARGETS_CPU_KERNELS_UNPACKPANELS_H

#include "targets/cpu/kernels/GatherRows.h"
#include "targets/layout/PackedLayout.h"

namespace phic {

struct UnpackCall {
  mlir::Value rhs; ///< the first panel
  mlir::Value zeros; ///< of the columns, i32 in memory, taken off each code as it becomes an s16 or f32; null: 0
  mlir::Value k, length;
  mlir::Value to; ///< words [length][columns]
};

/// `panels` panels of K elements; columns of words that they do not fill are as those of the last panel.
void emitUnpackPanels(KernelBuilder &b, const PackedLayout &layout, int64_t K, WordKind words, int64_t panels,
                      int64_t columns, const UnpackCall &call);

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_UNPACKPANELS_H
