//===- KernelLibrary.h - Kernels of a module, each once --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Of plugins too, and with the row regions that they call.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_KERNELLIBRARY_H
#define PHIC_TARGETS_CPU_KERNELS_KERNELLIBRARY_H

#include "targets/code/KernelTable.h"
#include "targets/cpu/regions/Region.h"

namespace phic {

class KernelLibrary : public KernelTable {
public:
  explicit KernelLibrary(mlir::ModuleOp module) : KernelTable(*module.getBody()) {}

  /// As KernelTable's.
  std::string define(llvm::StringRef key, llvm::StringRef name, mlir::Location loc, mlir::LLVM::Linkage linkage,
                     llvm::ArrayRef<mlir::Type> arguments, Body body) {
    return KernelTable::define(owner + "\n" + key.str(), name, loc, linkage, arguments, body);
  }

  /// Kernels defined from now on are shared among themselves only: a plugin's code is not that of other stages whose
  /// facts are equal. Empty: phic's own.
  void setOwner(llvm::StringRef name) { owner = name.str(); }

  /// Takes a region into the module and declares its code (Region.h), which the target phase makes with Halide.
  std::string declare(mlir::OwningOpRef<mlir::func::FuncOp> region, mlir::Location loc);

private:
  std::string owner;
};

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_KERNELLIBRARY_H
