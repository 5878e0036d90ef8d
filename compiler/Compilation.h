//===- Compilation.h - One run through the phases --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is not a list of passes: reading the model, one module for each family of
// machines, then for each level, plugins' hooks (Compilation.cpp), and what comes out (CompilationOutputs.cpp).
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_COMPILATION_H
#define PHIC_COMPILER_COMPILATION_H

#include "compiler/Compiler.h"
#include "compiler/Dialects.h"
#include "compiler/Link.h"
#include "compiler/Plugin.h"
#include "compiler/files/InputFiles.h"
#include "compiler/files/OutputFile.h"
#include "compiler/files/OutputFiles.h"
#include "compiler/import/ModelPath.h"
#include "compiler/messages/Diagnostics.h"
#include "compiler/request/BuildRequest.h"
#include "compiler/tokenizer/Tokenizer.h"
#include "compiler/weights/DerivedWeights.h"
#include "targets/Levels.h"
#include "llvm/Support/Parallel.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/raw_ostream.h"

namespace phic {

/// Every file that the request names to be written; an error says which of them cannot be.
llvm::Error planFiles(const BuildRequest &request, OutputFiles &files);

/// The state of one compilation: a context, the module as it moves through the
/// phases, the modules that become of it after the last shared one, and where the model's files are.
class Compilation {
public:
  Compilation(const BuildRequest &request, InputFiles &inputs, OutputFiles &planned, llvm::raw_ostream &log,
              const PluginRegistry &plugins)
      : request(request), inputs(inputs), planned(planned), log(log), plugins(plugins),
        context(makeRegistry(), mlir::MLIRContext::Threading::DISABLED),
        diagnostics(&context, log, {!request.quiet, request.errorOnFallback}) {
    prepareContext();
  }
  Compilation(const BuildRequest &request, InputFiles &inputs, OutputFiles &planned, PhaseObserver &observer)
      : request(request), inputs(inputs), planned(planned), log(llvm::nulls()), observer(&observer),
        context(makeRegistry(), mlir::MLIRContext::Threading::DISABLED), diagnostics(&context, observer.findings) {
    prepareContext();
  }

  ExitCode run();
  /// For an observer: the phases up to the one it asks for.
  ExitCode runObserved() { return runPhases(observer->last); }

  /// Bytes of weights that were hashed for it, each once however often it is read.
  uint64_t hashedBytes() const { return store.hashedBytes(); }
  /// Derived weights that it made, and did not find.
  unsigned derivedWeights() const { return derivedCount; }

private:
  void prepareContext() {
    if (threads.getMaxConcurrency() > 1)
      context.setThreadPool(threads);
    context.loadAllAvailableDialects();
    context.printOpOnDiagnostic(false); // an error of the whole model would print the whole model
  }
  static mlir::DialectRegistry makeRegistry() {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  ExitCode usePlugins();
  ExitCode readModel();
  ExitCode readIr();
  ExitCode checkIr();
  ExitCode chooseLevelsRead();
  ExitCode chooseFamiliesRead();
  void lookAtModelFiles();
  ExitCode prepare();
  ExitCode runPhases(Phase last);
  void shareScratch();
  void addFamilies();
  void addLevels();
  ExitCode runPhase(Phase phase);
  ExitCode runPasses(Phase phase, mlir::ModuleOp on, llvm::ArrayRef<const Target *> forLevels);
  ExitCode writeIr(const std::string &path, Phase after);
  ExitCode runHooks(Phase phase, bool isBefore);
  std::string pluginNote();
  ExitCode checkMemory();
  llvm::Expected<WeightStore *> weights();
  llvm::Expected<const CompiledTokenizer *> tokenizer();
  uint64_t tokenizerBytes();
  ExitCode link();
  llvm::SmallVector<mlir::ModuleOp> modules();
  mlir::ModuleOp anyModule() { return modules().front(); }
  ExitCode fail(ExitCode code, const llvm::Twine &message);
  ExitCode usageError(const llvm::Twine &message) { return fail(kExitUsage, message); }
  ExitCode deriveWeights();
  llvm::Expected<DerivedWeights::Places> derivedPlaces() const;
  ExitCode measureWeights();
  ExitCode writeReport(OutputFile &file);

  BuildRequest request; ///< whose levels are those that the IR has, where it is read after `kernels`
  InputFiles &inputs;
  OutputFiles &planned;
  llvm::raw_ostream &log;
  PhaseObserver *observer = nullptr;
  PluginRegistry plugins;
  llvm::DefaultThreadPool threads{llvm::parallel::strategy};
  mlir::MLIRContext context;
  DiagnosticPrinter diagnostics;
  ModelPath model;
  mlir::OwningOpRef<mlir::ModuleOp> module;     ///< up to kLastSharedPhase; then one of these has what became of it:
  std::vector<FamilyModule> families; ///< after `layout`, each family once, the CPU first
  std::vector<LevelModule> levels;    ///< from `kernels` on, each level once
  bool hasMeasuredWeights = false;
  unsigned derivedCount = 0;
  WeightStore store; ///< of the files that the IR names
  std::optional<CompiledTokenizer> compiledTokenizer;
  std::string tokenizerFailure; ///< why there is none
};

} // namespace phic

#endif // PHIC_COMPILER_COMPILATION_H
