//===- Passes.h - Passes that no target changes ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `phic::createFooPass(options)` for each pass of Passes.td, and
// `phic::registerPhicPasses()` for tools that take passes by name.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PASSES_PASSES_H
#define PHIC_PASSES_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

namespace phic {

#define GEN_PASS_DECL
#include "passes/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

} // namespace phic

#endif // PHIC_PASSES_PASSES_H
