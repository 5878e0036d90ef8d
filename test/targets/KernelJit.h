//===- KernelJit.h - Runs kernels on the host ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lowers a module of kernels the way `target` does, optimizes it for a target's
// CPU, and either runs it here (when the host has the instructions) or shows its
// assembly.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_KERNELJIT_H
#define PHIC_TEST_TARGETS_KERNELJIT_H

#include "targets/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include <memory>
#include <string>

namespace phic {

/// A context with every dialect that kernels are made of.
std::unique_ptr<mlir::MLIRContext> makeKernelContext();

/// True when this machine runs code for `target`.
bool hostRuns(const Target &target);

class KernelJit {
public:
  /// Lowers `module` in place and compiles it. Failures are printed and leave `ok()` false.
  KernelJit(mlir::ModuleOp module, const Target &target);
  bool ok() const { return jit != nullptr; }
  const std::string &assembly() const { return text; }

  template <typename Function>
  Function *get(llvm::StringRef symbol) {
    return reinterpret_cast<Function *>(lookup(symbol));
  }

private:
  void *lookup(llvm::StringRef symbol);
  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::string text;
};

} // namespace phic

#endif // PHIC_TEST_TARGETS_KERNELJIT_H
