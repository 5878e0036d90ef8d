//===- FreshContext.h - A context for importers that are fuzzed -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_FUZZ_FRESHCONTEXT_H
#define PHIC_TEST_FUZZ_FRESHCONTEXT_H

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include <memory>

namespace phic::fuzz {

/// Types and attributes live as long as their context: a new one now and then. Diagnostics are dropped.
inline mlir::MLIRContext &freshContext() {
  static std::unique_ptr<mlir::MLIRContext> context;
  static unsigned uses = 0;
  if (uses++ % 512 == 0) {
    context = std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
    context->getDiagEngine().registerHandler([](mlir::Diagnostic &) { return mlir::success(); });
  }
  return *context;
}

} // namespace phic::fuzz

#endif // PHIC_TEST_FUZZ_FRESHCONTEXT_H
