//===- KernelLibrary.cpp - Kernels of a module, each once ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Halide is asked for, once each.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/KernelLibrary.h"

using namespace mlir;

namespace phic {

std::string KernelLibrary::declare(OwningOpRef<func::FuncOp> function, Location loc) {
  std::optional<RowRegion> region = RowRegion::of(*function, nullptr);
  assert(region && "a region that Halide takes");
  const std::string name = region->name(), symbol = "region_" + name;
  if (!symbols.try_emplace("region\n" + name, symbol).second)
    return symbol;
  function->setName("rows_" + name);
  OpBuilder b = OpBuilder::atBlockEnd(&functions);
  b.insert(function.release());
  llvm::SmallVector<Type> arguments(region->argumentCount(), LLVM::LLVMPointerType::get(loc.getContext()));
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(loc.getContext()), arguments);
  auto declaration = LLVM::LLVMFuncOp::create(b, loc, symbol, type);
  declaration->setAttr(RowRegion::kRegion, FlatSymbolRefAttr::get(loc.getContext(), "rows_" + name));
  return symbol;
}

} // namespace phic
