//===- Compiler.cpp - From a model to a program ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the phases in order. What is not a list of passes is here: reading the
// model, printing and parsing IR between phases, and handing the last phase
// over to compiler/link.
//===----------------------------------------------------------------------===//
#include "compiler/Compiler.h"
#include "compiler/Depfile.h"
#include "compiler/Diagnostics.h"
#include "compiler/Dialects.h"
#include "compiler/InputFiles.h"
#include "compiler/OutputFile.h"
#include "compiler/Pipeline.h"
#include "compiler/Progress.h"
#include "compiler/cache/CompileCache.h"
#include "compiler/import/Import.h"
#include "compiler/import/ModelPath.h"
#include "compiler/import/tokenizer/Tokenizer.h"
#include "compiler/link/Link.h"
#include "compiler/report/MemoryLimit.h"
#include "compiler/link/Linker.h"
#include "compiler/weights/WeightErrors.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/Parser/Parser.h"
#include "targets/Target.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace phic {

namespace {

/// The state of one compilation: a context, the module as it moves through the
/// phases, and where the model's files are.
class Compilation {
public:
  Compilation(const Options &options, InputFiles &inputs, llvm::raw_ostream &log)
      : options(options), inputs(inputs), log(log), context(makeRegistry()), diagnostics(&context, log, {!options.quiet, options.errorOnFallback}) {
    prepareContext();
  }
  Compilation(const Options &options, InputFiles &inputs, PhaseObserver &observer)
      : options(options), inputs(inputs), log(llvm::nulls()), observer(&observer), context(makeRegistry()),
        diagnostics(&context, observer.findings) {
    prepareContext();
  }

  ExitCode run();
  /// For an observer: the phases up to the one it asks for.
  ExitCode runObserved();

private:
  void prepareContext() {
    context.loadAllAvailableDialects();
    context.printOpOnDiagnostic(false); // an error of the whole model would print the whole model
  }
  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    registerDialects(registry);
    return registry;
  }

  ExitCode readModel();
  ExitCode readIr();
  void lookAtModelFiles();
  ExitCode checkOptions(Phase first, Phase last);
  ExitCode runPhases(Phase first, Phase last);
  ExitCode runPasses(Phase phase);
  std::string printed();
  ExitCode writeIr(const std::string &path);
  ExitCode checkMemory();
  ExitCode fail(ExitCode code, const llvm::Twine &message);
  ExitCode usageError(const llvm::Twine &message) { return fail(kExitUsage, message); }
  ExitCode measureWeights();

  const Options &options;
  InputFiles &inputs;
  llvm::raw_ostream &log;
  PhaseObserver *observer = nullptr;
  MLIRContext context;
  DiagnosticPrinter diagnostics;
  ModelPath model;
  OwningOpRef<ModuleOp> module;
};

ExitCode Compilation::fail(ExitCode code, const llvm::Twine &message) {
  log << "phic: error: " << message << "\n";
  if (observer)
    observer->findings.push_back({DiagnosticSeverity::Error, message.str(), {}});
  return code;
}

std::string knownTargets() {
  std::string names;
  for (const Target &target : allTargets())
    names += (names.empty() ? "" : ", ") + std::string(target.name);
  return names;
}

ExitCode Compilation::readModel() {
  std::string error;
  std::optional<ModelPath> found = findModel(options.model, error);
  if (!found)
    return usageError(error);
  model = *found;
  inputs.look(model.file);
  std::optional<Progress> hashing;
  auto showProgress = [&](uint64_t done, uint64_t total) {
    if (!hashing)
      hashing.emplace("hashing weights", total, options.quiet);
    (*hashing)(done);
  };
  ImportOptions importOptions{options.maxContext, &inputs, showProgress};
  module = model.kind == ModelKind::Gguf ? importGguf(context, model.file, importOptions)
                                         : importOnnx(context, model.file, importOptions);
  return module ? kExitSuccess : kExitModel;
}

ExitCode Compilation::readIr() {
  if (!llvm::sys::fs::exists(options.model))
    return usageError("no such file: " + options.model);
  std::string error;
  if (std::optional<ModelPath> found = findModelOfIr(options.model, options.modelDirectory, error))
    model = *found;
  else
    return usageError(error);
  inputs.look(options.model);
  module = parseSourceFile<ModuleOp>(options.model, &context);
  return module ? kExitSuccess : kExitModel;
}

/// The weights' files, which the IR names relative to the model's folder.
void Compilation::lookAtModelFiles() {
  if (auto files = module->getOperation()->getAttrOfType<ArrayAttr>(phiq::PhiqDialect::kFiles))
    for (Attribute file : files)
      inputs.look(model.directory + "/" + cast<StringAttr>(file).getValue());
}

/// A failing pass of the first phases means that the model cannot be had;
/// later ones hold by construction, so their failure is ours.
ExitCode Compilation::runPasses(Phase phase) {
  PassManager passes(&context);
  std::string reproducer = (llvm::Twine("phic-reproducer-") + phaseName(phase) + ".mlir").str();
  if (phase > Phase::Fuse)
    passes.enableCrashReproducerGeneration(reproducer);
  addPhase(passes, phase, options);
  if (succeeded(passes.run(*module)))
    return options.errorOnFallback && diagnostics.fallbacks() ? kExitUsage : kExitSuccess;
  if (phase <= Phase::Fuse)
    return kExitModel;
  return fail(kExitInternal, llvm::Twine("phase '") + std::string(phaseName(phase)) + "' failed; this is phic's own fault, " + reproducer +
                                 " reproduces it with phic-opt");
}

/// With locations: they are the names of the model's nodes.
std::string Compilation::printed() {
  std::string text;
  llvm::raw_string_ostream os(text);
  module->print(os, OpPrintingFlags().enableDebugInfo(/*enable=*/true, /*prettyForm=*/false));
  os << "\n";
  return text;
}

ExitCode Compilation::writeIr(const std::string &path) {
  if (path.empty() || path == "-") {
    llvm::outs() << printed();
    llvm::outs().flush();
    std::error_code failure = llvm::outs().error();
    llvm::outs().clear_error();
    return failure ? usageError("cannot write standard output: " + failure.message()) : kExitSuccess;
  }
  llvm::Error failure = writeWhole(path, printed());
  return failure ? usageError(llvm::toString(std::move(failure))) : kExitSuccess;
}

/// What converted weights lost: said in the program and in reports.
ExitCode Compilation::measureWeights() {
  llvm::Error error = measureWeightErrors(*module, model.directory);
  return error ? fail(kExitModel, llvm::toString(std::move(error))) : kExitSuccess;
}

ExitCode Compilation::checkOptions(Phase first, Phase last) {
  if (first > last)
    return usageError(llvm::Twine("--start-from=") + std::string(phaseName(first)) + " is after --stop-after=" + std::string(phaseName(last)));
  if (std::vector<std::string> systems = knownSystems(); !llvm::is_contained(systems, options.target))
    return usageError("--target=" + options.target + " is no system phic compiles for; known are " + llvm::join(systems, ", "));
  const Target *level = targetByName(options.cpu);
  if (!level)
    return usageError("--cpu=" + options.cpu + " is no CPU level phic knows; known are " + knownTargets());
  if (std::string error; !PrecisionSpec::parse(options.precision, &error))
    return usageError(error);
  if (std::string system = systemOf(*level); system != options.target)
    return usageError("--cpu=" + options.cpu + " is a level of " + system + ", and the program would be for --target=" + options.target);
  if (!options.dumpPhases.empty())
    if (std::error_code code = llvm::sys::fs::create_directories(options.dumpPhases))
      return usageError("cannot create " + options.dumpPhases + ": " + code.message());
  return kExitSuccess;
}

/// Reads the model or its IR, and takes it through the phases but `link`.
ExitCode Compilation::runPhases(Phase first, Phase last) {
  if (ExitCode code = checkOptions(first, last))
    return code;
  if (ExitCode code = first == Phase::Import ? readModel() : readIr())
    return code;
  lookAtModelFiles();
  for (Phase phase = first; phase <= last && phase < Phase::Link; phase = Phase(int(phase) + 1)) {
    if (ExitCode code = runPasses(phase))
      return code;
    if (observer)
      observer->after(phase, *module);
    if (!options.dumpPhases.empty()) {
      std::string file = llvm::formatv("{0}/{1}-{2}.mlir", options.dumpPhases, int(phase), phaseName(phase));
      if (ExitCode code = writeIr(file))
        return code;
    }
  }
  return kExitSuccess;
}

ExitCode Compilation::run() {
  Phase last = options.stopAfter.value_or(Phase::Link);
  if (ExitCode code = runPhases(options.startFrom.value_or(Phase::Import), last))
    return code;
  if (last < Phase::Link)
    return writeIr(options.output);
  if (ExitCode code = checkMemory())
    return code;
  if (ExitCode code = measureWeights())
    return code;
  return linkModel(*module, model, options, inputs, log);
}

/// --max-memory, at the longest context that the program is built for.
ExitCode Compilation::checkMemory() {
  if (options.maxMemory == 0)
    return kExitSuccess;
  PredictionOptions wanted;
  wanted.context = options.maxContext;
  // linkModel complains about a tokenizer that cannot be compiled.
  if (llvm::Expected<CompiledTokenizer> tokenizer = compileTokenizer(model))
    wanted.tokenizerBytes = tokenizer->tables.size() + tokenizer->chat.size();
  else
    llvm::consumeError(tokenizer.takeError());
  std::optional<Finding> excess = findMemoryExcess(predict(*module, options, wanted), options);
  if (!excess)
    return kExitSuccess;
  fail(kExitModel, excess->message);
  for (const std::string &note : excess->notes)
    log << "phic: note: " << note << "\n";
  return kExitModel;
}

ExitCode Compilation::runObserved() { return runPhases(Phase::Import, observer->last); }

ExitCode usageError(llvm::raw_ostream &log, llvm::Error failure) {
  log << "phic: error: " << llvm::toString(std::move(failure)) << "\n";
  return kExitUsage;
}

} // namespace

ExitCode compile(const Options &options, llvm::raw_ostream &log) {
  std::optional<Depfile> depfile;
  if (!options.depfile.empty()) {
    auto created = Depfile::create(options.depfile);
    if (!created)
      return usageError(log, created.takeError());
    depfile.emplace(std::move(*created));
  }
  InputFiles inputs;
  auto compileAnew = [&](llvm::raw_ostream &log) { return Compilation(options, inputs, log).run(); };
  if (ExitCode code = wantsCache(options) ? compileCached(options, inputs, log, compileAnew) : compileAnew(log))
    return code;
  if (depfile)
    if (llvm::Error failure = depfile->write(options.output, inputs))
      return usageError(log, std::move(failure));
  return kExitSuccess;
}

ExitCode observe(const Options &options, PhaseObserver &observer) {
  InputFiles inputs;
  return Compilation(options, inputs, observer).runObserved();
}

} // namespace phic
