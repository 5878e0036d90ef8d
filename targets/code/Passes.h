//===- Passes.h - Passes that all code needs ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `phic::createFooPass(options)` for each pass of targets/code/Passes.td, and `phic::registerPhicCodePasses()`.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CODE_PASSES_H
#define PHIC_TARGETS_CODE_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

namespace phic {

#define GEN_PASS_DECL
#include "targets/code/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "targets/code/Passes.h.inc"

} // namespace phic

#endif // PHIC_TARGETS_CODE_PASSES_H
