//===- Passes.h - Passes that make code for GPUs --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `phic::createFooPass(options)` for each pass of targets/gpu/Passes.td, and `phic::registerPhicGpuPasses()`.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_GPU_PASSES_H
#define PHIC_TARGETS_GPU_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

namespace phic {

#define GEN_PASS_DECL
#include "targets/gpu/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "targets/gpu/Passes.h.inc"

} // namespace phic

#endif // PHIC_TARGETS_GPU_PASSES_H
