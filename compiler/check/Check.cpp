//===- Check.cpp - Everything about a model, nothing built -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/check/Check.h"
#include "compiler/Compiler.h"
#include "compiler/Plugin.h"
#include "compiler/import/Importer.h"
#include "compiler/manifest/Entries.h"
#include "compiler/report/MemoryLimit.h"
#include "compiler/request/BuildRequest.h"
#include "dialects/phiq/ModelFacts.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "targets/Backend.h"
#include "llvm/Support/Threading.h"

using namespace mlir;

namespace phic {
namespace {

class Checker {
public:
  Checker(const BuildRequest &request, const CheckOptions &more) : request(request), more(more) {}

  CheckReport run() {
    PluginRegistry plugins;
    for (const std::string &error : loadPlugins(request.plugins, plugins))
      fail(kExitUsage, error);
    if (report.code)
      return std::move(report);
    NoModel why;
    model = findModel(request.model, why, plugins.importers());
    if (!model) {
      fail(why.isThere ? kExitModel : kExitUsage, why.reason);
      return std::move(report);
    }
    readSource();
    if (!report.source || report.source->takesTokens)
      readTokenizer();
    takeThroughPhases();
    compareVocabulary();
    checkMemory();
    return std::move(report);
  }

private:
  void fail(ExitCode code, const llvm::Twine &message) {
    addFinding(code, {DiagnosticSeverity::Error, message.str(), {}});
  }
  void addFinding(ExitCode code, Finding finding) {
    report.code = report.code ? report.code : code;
    report.findings.push_back(std::move(finding));
  }

  void readSource();
  void readTokenizer();
  void takeThroughPhases();
  void forgetTokenizer();
  void seePhase(Phase phase, ModuleOp module);
  void predictProgram(ModuleOp module);
  MachineRates machine(uint64_t weightBytes);
  void compareVocabulary();
  void checkMemory();

  const BuildRequest &request;
  const CheckOptions &more;
  std::optional<ModelPath> model;
  std::optional<CompiledTokenizer> tokenizer;
  std::optional<uint32_t> vocab;
  CheckReport report;
};

/// What cannot be read here, importing will complain about.
void Checker::readSource() {
  llvm::Expected<SourceFacts> facts = model->importer->facts(*model);
  if (facts)
    report.source = std::move(*facts);
  else
    llvm::consumeError(facts.takeError());
}

void Checker::readTokenizer() {
  llvm::Expected<CompiledTokenizer> compiled = model->importer->tokenizer(*model, nullptr);
  if (!compiled)
    return fail(kExitModel, llvm::toString(compiled.takeError()));
  for (const std::string &warning : compiled->warnings)
    report.findings.push_back({DiagnosticSeverity::Warning, warning, {}});
  tokenizer = std::move(*compiled);
  if (!tokenizer->tables.empty())
    report.tokenizer = {tokenizer->tables.size(), tokenizer->chat.size(), tokenizer->idLimit,
                        tokenizer->stopIds.size()};
}

void Checker::takeThroughPhases() {
  PhaseObserver observer;
  observer.last = Phase::Kernels;
  observer.after = [&](Phase phase, ModuleOp module) { seePhase(phase, module); };
  ExitCode code = observe(request, observer);
  // What imports with an error has its own findings; a tokenizer's come after the graph's.
  report.findings.insert(report.findings.begin(), observer.findings.begin(), observer.findings.end());
  report.code = code ? code : report.code;
}

void Checker::seePhase(Phase phase, ModuleOp module) {
  if (phase == Phase::Import && !plan::hasSteps(modelFunction(module)))
    forgetTokenizer();
  if (phase == Phase::Import)
    vocab = uint32_t(modelFacts(module).vocab);
  if (phase == Phase::Precision)
    report.precision = collectPrecision(module);
  if (phase == Phase::Kernels) {
    report.bindings = bindingsOf(module);
    predictProgram(module);
  }
}

/// A graph without tokens needs none, so that what was found of one so far does not count.
void Checker::forgetTokenizer() {
  report.findings.clear();
  report.code = kExitSuccess;
  report.tokenizer.reset();
  tokenizer.reset();
}

MachineRates Checker::machine(uint64_t weightBytes) {
  const Backend &backend = hostBackend();
  const auto levels = levelsOf(backend, request.targets.front().levels);
  const auto here = llvm::find_if(levels, [&](const Target *level) { return backend.runsHere(*level); });
  const Target &target = here != levels.end() ? **here : *levels.front();
  if (more.machine != MachineChoice::Reference) {
    const int cores = llvm::heavyweight_hardware_concurrency().compute_thread_count();
    if (std::optional<MachineRates> measured =
            backend.measure(target, more.threads ? more.threads : cores, weightBytes))
      return *measured;
  }
  if (more.machine == MachineChoice::This)
    fail(kExitUsage, "--machine=this: this machine cannot run " + std::string(target.name) +
                         "; --machine=reference predicts for another one");
  return backend.referenceMachine(target);
}

void Checker::predictProgram(ModuleOp module) {
  PredictionOptions wanted;
  wanted.context = more.context;
  wanted.threads = more.threads;
  if (tokenizer)
    wanted.tokenizerBytes = tokenizer->tables.size() + tokenizer->chat.size();
  Prediction first = predict(module, request.targets.front(), wanted);
  if (more.context > first.contextMax)
    return fail(kExitUsage, "--ctx=" + llvm::Twine(more.context) +
                                " is more than the program can hold: " + llvm::Twine(first.contextMax) +
                                " tokens, of --max-context=" + llvm::Twine(request.maxContext) +
                                " and the model's own limit");
  wanted.machine = machine(first.weightBytes);
  report.prediction = predict(module, request.targets.front(), wanted);
  report.chunkRows = first.chunkRows;
}

void Checker::compareVocabulary() {
  if (!vocab || !tokenizer)
    return;
  if (llvm::Error failure = checkVocabulary(*tokenizer, *vocab))
    fail(kExitModel, llvm::toString(std::move(failure)));
}

void Checker::checkMemory() {
  if (report.prediction)
    if (std::optional<Finding> excess = findMemoryExcess(*report.prediction, request))
      addFinding(kExitModel, std::move(*excess));
}

} // namespace

size_t CheckReport::errors() const {
  return size_t(llvm::count_if(findings, [](const Finding &f) { return f.severity == DiagnosticSeverity::Error; }));
}

CheckReport check(const BuildRequest &request, const CheckOptions &more) { return Checker(request, more).run(); }

} // namespace phic
