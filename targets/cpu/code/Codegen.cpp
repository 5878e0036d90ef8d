//===- Codegen.cpp - A module's kernels to machine code --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// llvm dialect -> LLVM IR, regions linked in, one CPU for every function, O3,
// object. A region is compiled once however many stages call its declaration.
//===----------------------------------------------------------------------===//
#include "targets/cpu/code/Codegen.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "targets/cpu/kernels/AddedKernels.h"
#include "targets/cpu/regions/RegionCode.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;

namespace phic {
namespace {

llvm::Error failure(const llvm::Twine &message) { return llvm::createStringError(message); }

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> makeMachine(const CpuTarget &target,
                                                                 llvm::StringRef systemTriple) {
  static const bool initialized = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
    return true;
  }();
  (void)initialized;
  std::string error;
  llvm::Triple triple(systemTriple);
  const llvm::Target *found = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!found)
    return failure(error);
  return std::unique_ptr<llvm::TargetMachine>(
      found->createTargetMachine(triple, target.llvmCpu, target.llvmFeatures, llvm::TargetOptions(), llvm::Reloc::PIC_,
                                 std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// LLVM IR of the llvm functions and globals; the phiq and plan ops beside them are left out.
std::unique_ptr<llvm::Module> translate(ModuleOp module, llvm::LLVMContext &context) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  OwningOpRef<ModuleOp> code = ModuleOp::create(module.getLoc());
  OpBuilder builder(code->getBodyRegion());
  for (Operation &op : *module.getBody())
    if (isa<LLVM::LLVMDialect>(op.getDialect()))
      builder.clone(op);
  return translateModuleToLLVMIR(*code, context, "phic");
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

/// What EmitEntryPoints defines: of models with steps the first three, else the last.
bool isEntryPoint(StringRef name) {
  return name.starts_with("phi_decode_") || name.starts_with("phi_verify_") || name.starts_with("phi_prefill_") ||
         name.starts_with("phi_run_");
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

void optimize(llvm::Module &code, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.LoopUnrolling = false;      // kernels are unrolled as far as pays; more is only size
  tuning.LoopVectorization = false;  // and vectorized
  tuning.SLPVectorization = false;
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(code, modules);
}

llvm::Expected<std::unique_ptr<llvm::Module>> makeCode(ModuleOp module, const CpuTarget &target, VisibleCode visible,
                                                       llvm::LLVMContext &context, llvm::TargetMachine &machine) {
  std::unique_ptr<llvm::Module> code = translate(module, context);
  if (!code)
    return failure("the kernels cannot be translated to LLVM IR");
  code->setTargetTriple(machine.getTargetTriple());
  code->setDataLayout(machine.createDataLayout());
  if (llvm::Error error = linkRegions(module, *code, target))
    return std::move(error);
  finishFunctions(*code, target, visible);
  optimize(*code, machine);
  return std::move(code);
}

llvm::Expected<llvm::SmallVector<char, 0>> emit(llvm::Module &code, llvm::TargetMachine &machine, CodeKind kind) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os(bytes);
  if (kind == CodeKind::LlvmIr) {
    code.print(os, nullptr);
    return bytes;
  }
  llvm::legacy::PassManager passes;
  auto type = kind == CodeKind::Object ? llvm::CodeGenFileType::ObjectFile : llvm::CodeGenFileType::AssemblyFile;
  if (machine.addPassesToEmitFile(passes, os, nullptr, type))
    return failure("the target cannot emit this kind of file");
  passes.run(code);
  return bytes;
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
  return emit(**code, **machine, kind);
}

} // namespace phic
