//===- KernelJit.cpp - Runs kernels on the host ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The target phase and its O3, row regions included, then ORC.
//===----------------------------------------------------------------------===//
#include "KernelJit.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/plan/Plan.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "passes/target/Codegen.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace mlir;

namespace phic {
namespace {

LogicalResult lower(ModuleOp module) {
  PassManager passes(module.getContext());
  passes.addPass(createLowerToLlvmPass());
  return passes.run(module);
}

std::string emitAssembly(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::AssemblyFile))
    return {};
  std::unique_ptr<llvm::Module> copy = llvm::CloneModule(module);
  passes.run(*copy);
  return text.str().str();
}

template <typename T>
std::optional<T> valueOrReport(llvm::Expected<T> value) {
  if (value)
    return std::move(*value);
  llvm::errs() << llvm::toString(value.takeError()) << "\n";
  return std::nullopt;
}

} // namespace

std::unique_ptr<MLIRContext> makeKernelContext() {
  auto context = std::make_unique<MLIRContext>(MLIRContext::Threading::DISABLED);
  context->loadDialect<arith::ArithDialect, func::FuncDialect, LLVM::LLVMDialect, math::MathDialect, scf::SCFDialect,
                       vector::VectorDialect, phiq::PhiqDialect, plan::PlanDialect>();
  return context;
}

bool hostRuns(const Target &target) {
  assert(target.name == "x86-64-v3" && "add the features of further targets here");
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

KernelJit::KernelJit(ModuleOp module, const Target &target) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  if (failed(lower(module)))
    return;
  auto context = std::make_unique<llvm::LLVMContext>();
  auto code = valueOrReport(makeCode(module, target, VisibleCode::WhatIsNotInternal, *context));
  if (!code)
    return;
  llvm::orc::JITTargetMachineBuilder builder((llvm::Triple(std::string(target.triple))));
  builder.setCPU(std::string(target.cpu)).setCodeGenOptLevel(llvm::CodeGenOptLevel::Aggressive);
  builder.setRelocationModel(llvm::Reloc::PIC_);
  auto machine = valueOrReport(builder.createTargetMachine());
  if (!machine)
    return;
  (*code)->setDataLayout((*machine)->createDataLayout());
  text = emitAssembly(**code, **machine);
  auto made = valueOrReport(llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(builder).create());
  if (!made)
    return;
  if (llvm::Error error = (*made)->addIRModule(llvm::orc::ThreadSafeModule(std::move(*code), std::move(context)))) {
    llvm::errs() << llvm::toString(std::move(error)) << "\n";
    return;
  }
  jit = std::move(*made);
}

void *KernelJit::lookup(llvm::StringRef symbol) {
  auto address = valueOrReport(jit->lookup(symbol));
  return address ? address->toPtr<void *>() : nullptr;
}

} // namespace phic
