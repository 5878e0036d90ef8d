//===- CacheOrder.h - The KV cache as CPU kernels read it ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys of a head: [context/8][d][8], so that eight scores are computed side by side;
// values: [context][d]. CpuBackend says so in a #plan.cache_layout.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_LAYOUT_CACHEORDER_H
#define PHIC_TARGETS_LAYOUT_CACHEORDER_H

#include <cstdint>

namespace phic {

/// Positions whose keys lie side by side.
inline constexpr int64_t kKeyGroup = 8;
/// A context is a multiple of it, as the keys that attention scores at once are (TileShape::attendKeys).
inline constexpr int64_t kContextStep = 32;

} // namespace phic

#endif // PHIC_TARGETS_LAYOUT_CACHEORDER_H
