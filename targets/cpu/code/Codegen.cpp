//===- Codegen.cpp - A module's kernels to machine code --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// llvm dialect -> LLVM IR, regions linked in, one CPU for every function, O3,
// object. A region is compiled once however many stages call its declaration.
//===----------------------------------------------------------------------===//
#include "targets/cpu/code/Codegen.h"
#include "targets/code/EntryCode.h"
#include "targets/cpu/kernels/AddedKernels.h"
#include "targets/cpu/regions/RegionCode.h"
#include "llvm/Linker/Linker.h"

using namespace mlir;

namespace phic {
namespace {

llvm::Error failure(const llvm::Twine &message) { return llvm::createStringError(message); }

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> makeMachine(const CpuTarget &target, llvm::StringRef triple) {
  return phic::makeMachine(triple, target.llvmCpu, target.llvmFeatures);
}

/// The llvm functions and globals; the phiq and plan ops beside them are left out.
OwningOpRef<ModuleOp> codeOf(ModuleOp module) {
  OwningOpRef<ModuleOp> code = ModuleOp::create(module.getLoc());
  OpBuilder builder(code->getBodyRegion());
  for (Operation &op : *module.getBody())
    if (isa<LLVM::LLVMDialect>(op.getDialect()))
      builder.clone(op);
  return code;
}

/// Compiles the region of a declaration and links it into `code`, to be inlined.
llvm::Error linkRegion(LLVM::LLVMFuncOp declaration, llvm::Module &code, const CpuTarget &target) {
  std::string reason = "its function is not in the module";
  func::FuncOp function = regionOf(declaration);
  std::optional<RowRegion> region = function ? RowRegion::of(function, &reason) : std::nullopt;
  if (!region)
    return failure(declaration.getName() + ": " + reason);
  if (region->argumentCount() != declaration.getNumArguments())
    return failure(declaration.getName() + " takes " + llvm::Twine(declaration.getNumArguments()) +
                   " pointers, its function asks for " + llvm::Twine(region->argumentCount()));
  const RegionRow *row = nullptr;
  if (auto name = declaration->getAttrOfType<StringAttr>(AddedKernels::kGenerator)) {
    const AddedKernels *added = AddedKernels::of(declaration.getContext());
    row = added ? added->region(name.getValue()) : nullptr;
    if (!row)
      return llvm::make_error<PluginCodeError>(declaration.getName() + " is built by '" + name.getValue() +
                                               "' of a plugin that is not loaded");
  }
  auto compiled = compileRegion(*region, declaration.getName(), target, code.getContext(), row);
  if (!compiled)
    return compiled.takeError();
  (*compiled)->setTargetTriple(code.getTargetTriple());
  (*compiled)->setDataLayout(code.getDataLayout());
  if (llvm::Linker::linkModules(code, std::move(*compiled)))
    return failure(declaration.getName() + " cannot be linked");
  code.getFunction(declaration.getName())->setLinkage(llvm::GlobalValue::InternalLinkage);
  return llvm::Error::success();
}

llvm::Error linkRegions(ModuleOp module, llvm::Module &code, const CpuTarget &target) {
  for (auto declaration : module.getOps<LLVM::LLVMFuncOp>())
    if (declaration->hasAttr(RowRegion::kRegion))
      if (llvm::Error error = linkRegion(declaration, code, target))
        return error;
  return llvm::Error::success();
}

/// One CPU for every function, since code of different ones is not inlined.
void finishFunctions(llvm::Module &code, const CpuTarget &target, VisibleCode visible) {
  for (llvm::Function &function : code) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.llvmCpu);
    if (!target.llvmFeatures.empty())
      function.addFnAttr("target-features", target.llvmFeatures);
    function.addFnAttr(llvm::Attribute::NoUnwind);
    if (visible == VisibleCode::EntryPoints && !isEntryPoint(function.getName()))
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
  }
}

llvm::Expected<std::unique_ptr<llvm::Module>> makeCode(ModuleOp module, const CpuTarget &target, VisibleCode visible,
                                                       llvm::LLVMContext &context, llvm::TargetMachine &machine) {
  auto code = translateCode(*codeOf(module), context, machine);
  if (!code)
    return code;
  if (llvm::Error error = linkRegions(module, **code, target))
    return std::move(error);
  finishFunctions(**code, target, visible);
  optimizeCode(**code, machine);
  return code;
}

} // namespace

llvm::Expected<std::unique_ptr<llvm::Module>> makeCode(ModuleOp module, const CpuTarget &target, VisibleCode visible,
                                                       llvm::LLVMContext &context) {
  auto machine = makeMachine(target, systemOf(target).triple);
  if (!machine)
    return machine.takeError();
  return makeCode(module, target, visible, context, **machine);
}

llvm::Expected<llvm::SmallVector<char, 0>> emitCode(ModuleOp module, const CpuTarget &target, CodeKind kind,
                                                    llvm::StringRef triple) {
  auto machine = makeMachine(target, triple);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  auto code = makeCode(module, target, VisibleCode::EntryPoints, context, **machine);
  if (!code)
    return code.takeError();
  return printCode(**code, **machine, kind);
}

} // namespace phic
