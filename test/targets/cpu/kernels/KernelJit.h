//===- KernelJit.h - Runs kernels on the host ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Takes a module of kernels through `target` and runs it here, when the host has
// the instructions.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_CPU_KERNELS_KERNELJIT_H
#define PHIC_TEST_TARGETS_CPU_KERNELS_KERNELJIT_H

#include "mlir/IR/BuiltinOps.h"
#include "targets/cpu/CpuLevels.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include <memory>

namespace phic {

/// A context with every dialect that kernels are made of.
std::unique_ptr<mlir::MLIRContext> makeKernelContext();

class KernelJit {
public:
  /// Lowers `module` in place and compiles it; its functions may call `name`, which is `address`. Failures are
  /// printed and leave ok() false.
  KernelJit(mlir::ModuleOp module, const CpuTarget &target, llvm::StringRef name = {}, void *address = nullptr);
  bool ok() const { return jit != nullptr; }

  template <typename Function> Function *get(llvm::StringRef symbol) {
    return reinterpret_cast<Function *>(lookup(symbol));
  }

private:
  void *lookup(llvm::StringRef symbol);
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

} // namespace phic

#endif // PHIC_TEST_TARGETS_CPU_KERNELS_KERNELJIT_H
