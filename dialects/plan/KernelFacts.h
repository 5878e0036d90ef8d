//===- KernelFacts.h - What a kernel asks of its callers -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A kernel that is a function of the module says how its tiles are counted and how much scratch memory it needs, so that
// stages and `plan.memory` can be held to it wherever IR enters:
//
//     llvm.func @phi_matmul_...(...) attributes {plan.scratch = 1536 : i64, plan.tiles = #plan.tiles<columns = 3, rows = 1>}
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PLAN_KERNELFACTS_H
#define PHIC_DIALECTS_PLAN_KERNELFACTS_H

#include "dialects/plan/Plan.h"
#include <optional>

namespace phic::plan {

struct KernelFacts {
  TilesAttr tiles;
  uint64_t scratchBytes;
};

/// Stages that share a kernel count its tiles alike.
void setKernelFacts(mlir::Operation *kernel, KernelFacts facts);
std::optional<KernelFacts> kernelFacts(mlir::Operation *kernel);

} // namespace phic::plan

#endif // PHIC_DIALECTS_PLAN_KERNELFACTS_H
