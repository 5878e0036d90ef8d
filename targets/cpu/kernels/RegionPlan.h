//===- RegionPlan.h - A group's row operations as a region ---- -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The function that Halide is asked to compile for a group of columns, and what its
// pointers point to in a kernel.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_REGIONPLAN_H
#define PHIC_TARGETS_CPU_KERNELS_REGIONPLAN_H

#include "targets/cpu/regions/Region.h"
#include "targets/stages/ColumnGroups.h"
#include <string>

namespace phic {

/// What a region's pointer argument points to.
struct RegionArgument {
  enum class Source : uint8_t {
    Core,          ///< row of core `index`'s result in scratch
    Rows,          ///< row of stage input `index`
    SelectedRows,  ///< the same, but of the wanted rows: row logit_row0 + i
    Vector,        ///< stage input `index`, the same for each row
    Scalar,        ///< the one element of stage input `index`
    RopeRow,       ///< row of table `index` (`longIndex` when total > threshold) at the row's position
    Floats,        ///< row of stage result `index`
    Codes,
    Scales,
    Sums, ///< the parts of a quantized row of stage result `index`
    Keys,
    Values,  ///< the row's place in the cache
  };
  Source source;
  unsigned index = 0;
  int64_t begin = 0;     ///< column of the group's column 0
  int64_t block = 0;     ///< Codes, Scales, Sums
  int longIndex = -1;    ///< RopeRow
  int64_t threshold = 0, tableColumns = 0;
};

struct RegionPlan {
  mlir::OwningOpRef<mlir::func::FuncOp> function; ///< see Region.h; its name is the caller's to give
  llvm::SmallVector<RegionArgument> arguments; ///< in the order of the pointers of its code
};

/// The group's row operations on `width` columns.
RegionPlan planRegion(const ColumnGroup &group, int64_t width);

/// "rope_append", "silu_mul", "none": the operations, for a kernel's symbol.
std::string epilogueName(const ColumnGroup &group);

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_REGIONPLAN_H
