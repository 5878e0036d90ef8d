//===- Halide.h - The one door to Halide -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A region goes in, code comes out as the bitcode of Halide's own LLVM.
// RegionCode.h makes of it a function on raw pointers; nothing else calls this.
// Only RegionBuilder.h includes Halide's header.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_REGIONS_HALIDE_H
#define PHIC_TARGETS_CPU_REGIONS_HALIDE_H

#include "targets/cpu/CpuTarget.h"
#include "targets/cpu/regions/RegionRow.h"

namespace phic {

/// One halide_buffer_t argument of the compiled function: a view of one pointer argument of the region.
struct HalideBuffer {
  struct Dimension {
    int32_t extent, stride; ///< elements; the minimum is 0
  };
  unsigned argument = 0;  ///< of the region's pointers
  int64_t byteOffset = 0; ///< where the view begins
  uint8_t typeCode = 0;   ///< halide_type_code_t: 0 int, 2 float
  uint8_t bits = 0;
  std::vector<Dimension> dimensions;
};

struct HalideCode {
  std::string bitcode;               ///< defines `int32_t symbol(halide_buffer_t *...)`
  std::vector<HalideBuffer> buffers; ///< its arguments, in order
};

/// Nothing with a reason when Halide refuses, which is our fault, or that of the row that builds the region.
std::optional<HalideCode> compileWithHalide(const RowRegion &region, const std::string &symbol, const CpuTarget &target,
                                            const RegionRow *row, std::string *error);

} // namespace phic

#endif // PHIC_TARGETS_CPU_REGIONS_HALIDE_H
