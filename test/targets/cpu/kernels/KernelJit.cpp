//===- KernelJit.cpp - Runs kernels on the host ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The target phase's lowering and optimization, then ORC.
//===----------------------------------------------------------------------===//
#include "KernelJit.h"
#include "compiler/Dialects.h"
#include "mlir/IR/Verifier.h"
#include "passes/Passes.h"
#include "targets/code/Passes.h"
#include "targets/cpu/Passes.h"
#include "targets/cpu/code/Codegen.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/Support/TargetSelect.h"

using namespace mlir;

namespace phic {
namespace {

template <typename T> std::optional<T> valueOrReport(llvm::Expected<T> value) {
  if (value)
    return std::move(*value);
  llvm::errs() << llvm::toString(value.takeError()) << "\n";
  return std::nullopt;
}

bool succeeded(llvm::Error error) {
  bool failed = bool(error);
  if (failed)
    llvm::errs() << llvm::toString(std::move(error)) << "\n";
  return !failed;
}

bool functionsVerify(ModuleOp module) {
  return llvm::all_of(module.getOps<LLVM::LLVMFuncOp>(),
                      [](LLVM::LLVMFuncOp function) { return mlir::succeeded(verify(function)); });
}

std::unique_ptr<llvm::orc::LLJIT> makeJit(const CpuTarget &target) {
  llvm::orc::JITTargetMachineBuilder builder((llvm::Triple(llvm::StringRef(systemOf(target).triple))));
  builder.setCPU(std::string(target.llvmCpu)).setCodeGenOptLevel(llvm::CodeGenOptLevel::Aggressive);
  builder.setRelocationModel(llvm::Reloc::PIC_);
  auto jit = valueOrReport(llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(builder).create());
  return jit ? std::move(*jit) : nullptr;
}

} // namespace

std::unique_ptr<MLIRContext> makeKernelContext() {
  DialectRegistry registry;
  registerDialects(registry);
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

KernelJit::KernelJit(ModuleOp module, const CpuTarget &target, llvm::StringRef name, void *address) {
  PassManager passes(module.getContext());
  passes.enableVerifier(false); // tests leave weights without bytes
  passes.addPass(createLowerToLlvmPass());
  if (failed(passes.run(module)) || !functionsVerify(module))
    return;
  auto context = std::make_unique<llvm::LLVMContext>();
  auto code = valueOrReport(makeCode(module, target, VisibleCode::WhatIsNotInternal, *context));
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  std::unique_ptr<llvm::orc::LLJIT> made = makeJit(target);
  if (!code || !made)
    return;
  if (address) {
    llvm::orc::SymbolMap symbols;
    symbols[made->mangleAndIntern(name)] = {llvm::orc::ExecutorAddr::fromPtr(address), llvm::JITSymbolFlags::Exported};
    if (!succeeded(made->getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(symbols)))))
      return;
  }
  if (succeeded(made->addIRModule(llvm::orc::ThreadSafeModule(std::move(*code), std::move(context)))))
    jit = std::move(made);
}

void *KernelJit::lookup(llvm::StringRef symbol) {
  auto address = valueOrReport(jit->lookup(symbol));
  return address ? address->toPtr<void *>() : nullptr;
}

} // namespace phic
