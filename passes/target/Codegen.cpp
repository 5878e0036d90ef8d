//===- Codegen.cpp - A module's kernels to machine code --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/target/Codegen.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "targets/halide/Halide.h"
#include "llvm/Bitcode/BitcodeReader.h"
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

/// A copy of the module with nothing but what becomes LLVM IR.
OwningOpRef<ModuleOp> codeOf(ModuleOp module) {
  OwningOpRef<ModuleOp> code = ModuleOp::create(module.getLoc());
  OpBuilder builder(code->getBodyRegion());
  for (Operation &op : *module.getBody())
    if (isa<LLVM::LLVMDialect>(op.getDialect()))
      builder.clone(op);
  return code;
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>> makeMachine(const Target &target) {
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
  llvm::Triple triple{llvm::StringRef(target.triple)};
  const llvm::Target *found = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!found)
    return failure(error);
  return std::unique_ptr<llvm::TargetMachine>(found->createTargetMachine(
      triple, target.cpu, target.features, llvm::TargetOptions(), llvm::Reloc::Static, std::nullopt,
      llvm::CodeGenOptLevel::Aggressive));
}

/// Compiles each declared row region once and links it into `code`, to be inlined.
llvm::Error linkRegions(ModuleOp module, llvm::Module &code, const Target &target) {
  for (auto declaration : module.getOps<LLVM::LLVMFuncOp>()) {
    auto text = declaration->getAttrOfType<StringAttr>("phic.region");
    if (!text)
      continue;
    std::string reason;
    std::optional<RegionSpec> region = RegionSpec::parse(text.getValue().str(), &reason);
    if (!region)
      return failure("region " + declaration.getName() + ": " + reason);
    llvm::Expected<std::string> bitcode = compileRegion(*region, declaration.getName().str(), target.halide);
    if (!bitcode)
      return bitcode.takeError();
    auto parsed = llvm::parseBitcodeFile(llvm::MemoryBufferRef(*bitcode, declaration.getName()), code.getContext());
    if (!parsed)
      return parsed.takeError();
    (*parsed)->setTargetTriple(code.getTargetTriple());
    (*parsed)->setDataLayout(code.getDataLayout());
    if (llvm::Linker::linkModules(code, std::move(*parsed)))
      return failure("cannot link region " + declaration.getName());
    code.getFunction(declaration.getName())->addFnAttr(llvm::Attribute::AlwaysInline);
  }
  return llvm::Error::success();
}

/// One CPU for every function, and nothing visible but the entry points.
void finishFunctions(llvm::Module &code, const Target &target) {
  for (llvm::Function &function : code) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.cpu);
    if (!target.features.empty())
      function.addFnAttr("target-features", target.features);
    else
      function.removeFnAttr("target-features");
    function.addFnAttr(llvm::Attribute::NoUnwind);
    bool entry = function.getName().starts_with("phi_decode_") || function.getName().starts_with("phi_verify_") ||
                 function.getName().starts_with("phi_prefill_");
    if (!entry)
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

llvm::Expected<llvm::SmallVector<char, 0>> emitCode(ModuleOp module, const Target &target, CodeKind kind) {
  auto machine = makeMachine(target);
  if (!machine)
    return machine.takeError();
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = translateModuleToLLVMIR(*codeOf(module), context, "phic");
  if (!code)
    return failure("the kernels cannot be translated to LLVM IR");
  code->setTargetTriple((*machine)->getTargetTriple());
  code->setDataLayout((*machine)->createDataLayout());
  if (llvm::Error error = linkRegions(module, *code, target))
    return std::move(error);
  finishFunctions(*code, target);
  optimize(*code, **machine);
  return emit(*code, **machine, kind);
}

} // namespace phic
