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
#include "llvm/ADT/StringExtras.h"
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
    checkMachine();
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
  void checkMachine();
  void seePhase(Phase phase, ArrayRef<ModuleOp> modules);
  void predictProgram(ModuleOp module);
  void predictDevices(ArrayRef<ModuleOp> modules);
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

std::optional<KnownMachine> machineNamed(const Backend &backend, std::string_view name) {
  for (KnownMachine &machine : backend.machines())
    if (machine.name == name)
      return std::move(machine);
  return std::nullopt;
}

/// The machine that is named runs code of the program.
void Checker::checkMachine() {
  for (const Backend *backend : allBackends()) {
    std::optional<KnownMachine> machine = machineNamed(*backend, more.knownMachine);
    if (!machine)
      continue;
    const auto levels = levelsOf(*backend, request.targets.front().levels);
    auto runs = [&](const Target *level) { return llvm::is_contained(machine->levels, level); };
    if (levels.empty())
      fail(kExitUsage, "--machine=" + more.knownMachine + " is of the family '" + backend->family() +
                           "', which the program has no code for: --device=" + backend->family() + " makes some");
    else if (llvm::none_of(levels, runs))
      fail(kExitUsage, "--machine=" + more.knownMachine + " runs none of the levels " +
                           llvm::join(llvm::map_range(levels, [](const Target *level) { return level->name; }), ", "));
  }
}

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
  observer.after = [&](Phase phase, ArrayRef<ModuleOp> modules) { seePhase(phase, modules); };
  ExitCode code = observe(request, observer);
  // What imports with an error has its own findings; a tokenizer's come after the graph's.
  report.findings.insert(report.findings.begin(), observer.findings.begin(), observer.findings.end());
  report.code = code ? code : report.code;
}

void Checker::seePhase(Phase phase, ArrayRef<ModuleOp> modules) {
  ModuleOp module = modules.front();
  if (phase == Phase::Import && !plan::hasSteps(modelFunction(module)))
    forgetTokenizer();
  if (phase == Phase::Import)
    vocab = uint32_t(modelFacts(module).vocab);
  if (phase == Phase::Precision)
    report.precision = collectPrecision(module);
  if (phase == Phase::Kernels) {
    report.bindings = bindingsOf(module);
    predictProgram(module);
    predictDevices(modules);
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

/// Levels of a family share its plan: the first module of each will do.
void Checker::predictDevices(ArrayRef<ModuleOp> modules) {
  if (!report.prediction)
    return;
  for (ModuleOp module : modules) {
    const Backend &backend = backendOf(module);
    if (backend.family() == report.prediction->family ||
        llvm::any_of(report.devices, [&](const Prediction &known) { return known.family == backend.family(); }))
      continue;
    PredictionOptions wanted;
    wanted.context = more.context;
    if (std::optional<KnownMachine> machine = machineNamed(backend, more.knownMachine))
      wanted.machine = machine->rates;
    report.devices.push_back(predict(module, request.targets.front(), wanted));
  }
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
  for (const Prediction &device : report.devices)
    if (std::optional<Finding> excess = findDeviceExcess(device))
      report.findings.push_back(std::move(*excess));
}

} // namespace

size_t CheckReport::errors() const {
  return size_t(llvm::count_if(findings, [](const Finding &f) { return f.severity == DiagnosticSeverity::Error; }));
}

CheckReport check(const BuildRequest &request, const CheckOptions &more) { return Checker(request, more).run(); }

} // namespace phic
