//===- EmbedCore.h - One row of a packed table -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops of phiq.embed: row n of a table in any packed layout, as f32, bit for
// bit as PackedLayout::dequantizeRow. A tied embedding reads the LM head's panels.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_EMBEDCORE_H
#define PHIC_TARGETS_CPU_KERNELS_EMBEDCORE_H

#include "targets/code/KernelBuilder.h"
#include "targets/layout/PackedLayout.h"
#include <string>

namespace phic {

/// out[k] = table[n][k] for k < K. `out` is written up to the next multiple of 8.
void emitEmbedRow(KernelBuilder &b, const PackedLayout &layout, int64_t K, mlir::Value table, mlir::Value n,
                  mlir::Value out);

/// The generic code that `emitEmbedRow` makes for a layout, and why; empty: none.
std::string embedFallback(const PackedLayout &layout);

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_EMBEDCORE_H
