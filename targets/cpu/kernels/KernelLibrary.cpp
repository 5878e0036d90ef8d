//===- KernelLibrary.cpp - Kernels of a module, each once ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two maps around beginFunction.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/KernelLibrary.h"

using namespace mlir;

namespace phic {

std::string KernelLibrary::define(StringRef key, StringRef name, Location loc, LLVM::Linkage linkage,
                                  ArrayRef<Type> arguments, Body body) {
  auto [known, isNew] = symbols.try_emplace(owner + "\n" + key.str());
  if (!isNew)
    return known->second;
  std::string symbol = name.str();
  if (unsigned use = uses[name]++)
    symbol.insert(symbol.rfind("__"), "_v" + std::to_string(use + 1));
  known->second = symbol;
  KernelBuilder b(loc, module.getContext());
  LLVM::LLVMFuncOp function = beginFunction(b, module, symbol, arguments, linkage);
  if (linkage == LLVM::Linkage::Internal)
    function.setNoInline(true);
  body(b, function.getBody().front().getArguments());
  LLVM::ReturnOp::create(b, ValueRange{});
  return symbol;
}

std::string KernelLibrary::declare(OwningOpRef<func::FuncOp> function, Location loc) {
  std::optional<RowRegion> region = RowRegion::of(*function, nullptr);
  assert(region && "a region that Halide takes");
  const std::string name = region->name(), symbol = "region_" + name;
  if (!symbols.try_emplace("region\n" + name, symbol).second)
    return symbol;
  function->setName("rows_" + name);
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  b.insert(function.release());
  llvm::SmallVector<Type> arguments(region->argumentCount(), LLVM::LLVMPointerType::get(module.getContext()));
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(module.getContext()), arguments);
  auto declaration = LLVM::LLVMFuncOp::create(b, loc, symbol, type);
  declaration->setAttr(RowRegion::kRegion, FlatSymbolRefAttr::get(module.getContext(), "rows_" + name));
  return symbol;
}

} // namespace phic
