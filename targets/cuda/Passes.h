//===- Passes.h - Passes that make CUDA code ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `phic::createFooPass(options)` for each pass of targets/cuda/Passes.td, and `phic::registerPhicCudaPasses()`.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CUDA_PASSES_H
#define PHIC_TARGETS_CUDA_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

namespace phic {

#define GEN_PASS_DECL
#include "targets/cuda/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "targets/cuda/Passes.h.inc"

} // namespace phic

#endif // PHIC_TARGETS_CUDA_PASSES_H
