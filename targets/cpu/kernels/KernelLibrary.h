//===- KernelLibrary.h - Kernels of a module, each once --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions by *key*: everything their code depends on, as text. Stages of
// different layers that have equal keys share one symbol.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_KERNELLIBRARY_H
#define PHIC_TARGETS_CPU_KERNELS_KERNELLIBRARY_H

#include "targets/cpu/kernels/KernelBuilder.h"
#include "targets/cpu/regions/Region.h"
#include "llvm/ADT/StringMap.h"

namespace phic {

class KernelLibrary {
public:
  explicit KernelLibrary(mlir::ModuleOp module) : module(module) {}

  /// Emits the body with a builder inside the new function; a void return is added.
  using Body = llvm::function_ref<void(KernelBuilder &b, mlir::Block::BlockArgListType arguments)>;

  /// The symbol of the function with that key: defined now under `name` (with a number where another
  /// key has taken it), or earlier. Internal functions are kept out of line: they are shared.
  std::string define(llvm::StringRef key, llvm::StringRef name, mlir::Location loc, mlir::LLVM::Linkage linkage,
                     llvm::ArrayRef<mlir::Type> arguments, Body body);

  /// Kernels defined from now on are shared among themselves only: a plugin's code is not that of other stages whose
  /// facts are equal. Empty: phic's own.
  void setOwner(llvm::StringRef name) { owner = name.str(); }

  /// Takes a region into the module and declares its code (Region.h), which the target phase makes with Halide.
  std::string declare(mlir::OwningOpRef<mlir::func::FuncOp> region, mlir::Location loc);

private:
  mlir::ModuleOp module;
  std::string owner;
  llvm::StringMap<std::string> symbols; ///< by key
  llvm::StringMap<unsigned> uses;       ///< of a name
};

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_KERNELLIBRARY_H
