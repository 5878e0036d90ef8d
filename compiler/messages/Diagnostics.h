//===- Diagnostics.h - What the user reads ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_MESSAGES_DIAGNOSTICS_H
#define PHIC_COMPILER_MESSAGES_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include <string>
#include <vector>

namespace llvm {
class raw_ostream;
}

namespace phic {

/// A diagnostic as data, for tools that tell all of them together.
struct Finding {
  mlir::DiagnosticSeverity severity;
  std::string message;             ///< with the node's name in front
  std::vector<std::string> notes;
};

/// Prints MLIR's diagnostics the way compilers do, naming the node:
///
///     phic: error: '/model/layers.0/attn/Foo': op 'Foo' is not supported
///     phic: note: ...
class DiagnosticPrinter : public mlir::ScopedDiagnosticHandler {
public:
  struct Shown {
    bool remarks = true;
    bool fallbacksAsErrors = false; ///< remarks about kernels of generic or scalar code (--Werror=fallback)
  };
  DiagnosticPrinter(mlir::MLIRContext *context, llvm::raw_ostream &os, Shown shown);
  /// The same, but keeps them all in `findings` and prints nothing.
  DiagnosticPrinter(mlir::MLIRContext *context, std::vector<Finding> &findings);
  unsigned errors() const { return errorCount; }
  /// Remarks about kernels of generic or scalar code.
  unsigned fallbacks() const { return fallbackCount; }

private:
  void count(mlir::Diagnostic &diagnostic);
  unsigned errorCount = 0, fallbackCount = 0;
};

} // namespace phic

#endif // PHIC_COMPILER_MESSAGES_DIAGNOSTICS_H
