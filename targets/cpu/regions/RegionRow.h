//===- RegionRow.h - Regions whose code a plugin makes ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row claims regions by what they compute and builds them with Halide, instead of
// phic's own schedule (Schedules.def). RegionBuilder.h is what it builds with. No
// Halide in here.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_REGIONS_REGIONROW_H
#define PHIC_TARGETS_CPU_REGIONS_REGIONROW_H

#include "targets/cpu/CpuTarget.h"
#include "targets/cpu/regions/Region.h"
#include <functional>

namespace phic {

class RegionBuilder;

struct RegionRow {
  std::string name; ///< what `phic inspect` calls the generator
  std::function<bool(const RowRegion &region, const CpuTarget &target)> claims;
  std::function<void(RegionBuilder &builder)> build;
};

// What PluginRegistry::addRegion asks (AddedKernels.cpp).
/// For the plugin's user; empty: nothing.
std::string whatIsWrong(const RegionRow &row);
void addRowTo(mlir::Dialect &plan, RegionRow row);

} // namespace phic

#endif // PHIC_TARGETS_CPU_REGIONS_REGIONROW_H
