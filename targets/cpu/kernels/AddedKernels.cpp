//===- AddedKernels.cpp - Kernels that plugins make ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/kernels/AddedKernels.h"

namespace phic {
namespace {

AddedKernels &addedTo(mlir::Dialect &plan) {
  if (!plan.getRegisteredInterface<AddedKernels>())
    plan.addInterface(std::make_unique<AddedKernels>(&plan));
  return *plan.getRegisteredInterface<AddedKernels>();
}

} // namespace

std::string whatIsWrong(const StageKernelRow &row) {
  if (row.name.empty() || !row.claims || !row.emit)
    return "has a kernel row without a name, or without one of its functions";
  return "";
}

std::string whatIsWrong(const RegionRow &row) {
  if (row.name.empty() || !row.claims || !row.build)
    return "has a region row without a name, or without one of its functions";
  return "";
}

void addRowTo(mlir::Dialect &plan, StageKernelRow row) { addedTo(plan).stages.push_back(std::move(row)); }
void addRowTo(mlir::Dialect &plan, RegionRow row) { addedTo(plan).regions.push_back(std::move(row)); }

} // namespace phic
