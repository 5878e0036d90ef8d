//===- Passes.h - Passes that make the abacus's code -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `phic::createEncodeStagesPass()`, and `phic::registerPhicAbacusPasses()`.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_ABACUS_BACKEND_PASSES_H
#define PHIC_TEST_TARGETS_ABACUS_BACKEND_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"

namespace phic {

#define GEN_PASS_DECL
#include "test/targets/abacus/backend/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "test/targets/abacus/backend/Passes.h.inc"

} // namespace phic

#endif // PHIC_TEST_TARGETS_ABACUS_BACKEND_PASSES_H
