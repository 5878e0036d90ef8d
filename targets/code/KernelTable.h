//===- KernelTable.h - Kernels of a module, each once ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions by *key*: everything their code depends on, as text. Stages of
// different layers that have equal keys share one symbol.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CODE_KERNELTABLE_H
#define PHIC_TARGETS_CODE_KERNELTABLE_H

#include "targets/code/KernelBuilder.h"
#include "llvm/ADT/StringMap.h"

namespace phic {

class KernelTable {
public:
  /// Functions are put at the end of that block.
  explicit KernelTable(mlir::Block &functions) : functions(functions) {}

  /// Emits the body with a builder inside the new function; a void return is added.
  using Body = llvm::function_ref<void(KernelBuilder &b, mlir::Block::BlockArgListType arguments)>;

  /// The symbol of the function with that key: defined now under `name` (with a number where another
  /// key has taken it), or earlier. Internal functions are kept out of line: they are shared.
  std::string define(llvm::StringRef key, llvm::StringRef name, mlir::Location loc, mlir::LLVM::Linkage linkage,
                     llvm::ArrayRef<mlir::Type> arguments, Body body);

protected:
  mlir::Block &functions;
  llvm::StringMap<std::string> symbols; ///< by key

private:
  llvm::StringMap<unsigned> uses; ///< of a name
};

} // namespace phic

#endif // PHIC_TARGETS_CODE_KERNELTABLE_H
