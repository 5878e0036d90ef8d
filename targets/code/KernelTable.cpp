//===- KernelTable.cpp - Kernels of a module, each once --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two maps around beginFunction.
//===----------------------------------------------------------------------===//
#include "targets/code/KernelTable.h"

using namespace mlir;

namespace phic {

std::string KernelTable::define(StringRef key, StringRef name, Location loc, LLVM::Linkage linkage,
                                ArrayRef<Type> arguments, Body body) {
  auto [known, isNew] = symbols.try_emplace(key);
  if (!isNew)
    return known->second;
  std::string symbol = name.str();
  if (unsigned use = uses[name]++)
    symbol.insert(symbol.rfind("__"), "_v" + std::to_string(use + 1));
  known->second = symbol;
  KernelBuilder b(loc, loc.getContext());
  LLVM::LLVMFuncOp function = beginFunction(b, functions, symbol, arguments, linkage);
  if (linkage == LLVM::Linkage::Internal)
    function.setNoInline(true);
  body(b, function.getBody().front().getArguments());
  LLVM::ReturnOp::create(b, ValueRange{});
  return symbol;
}

} // namespace phic
