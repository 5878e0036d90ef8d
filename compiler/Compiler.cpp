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
#include "compiler/SystemOptions.h"
#include "compiler/cache/CompileCache.h"
#include "compiler/import/Import.h"
#include "compiler/import/ModelPath.h"
#include "compiler/import/tokenizer/Tokenizer.h"
#include "compiler/link/Link.h"
#include "compiler/report/MemoryLimit.h"
#include "compiler/weights/WeightErrors.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/plan/Plan.h"
#include "mlir/Parser/Parser.h"
#include "targets/Levels.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace phic {

namespace {

/// Between the modules of several levels, where IR is printed as one text.
constexpr llvm::StringLiteral kSplitMarker = "// -----\n";

/// The state of one compilation: a context, the module as it moves through the
/// phases, one module a level after the last shared phase, and where the model's files are.
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
  ExitCode readLevels(StringRef text);
  void lookAtModelFiles();
  ExitCode checkOptions(Phase first, Phase last);
  ExitCode runPhases(Phase first, Phase last);
  void addLevels();
  ExitCode runPhase(Phase phase);
  ExitCode runPasses(Phase phase, ModuleOp on, const Target &level);
  std::string printed();
  ExitCode writeIr(const std::string &path);
  ExitCode checkMemory();
  ExitCode link();
  ModuleOp anyModule() { return module ? *module : *levels.front().module; }
  ExitCode fail(ExitCode code, const llvm::Twine &message);
  ExitCode usageError(const llvm::Twine &message) { return fail(kExitUsage, message); }
  ExitCode measureWeights(ModuleOp on);

  const Options &options;
  InputFiles &inputs;
  llvm::raw_ostream &log;
  PhaseObserver *observer = nullptr;
  MLIRContext context;
  DiagnosticPrinter diagnostics;
  ModelPath model;
  OwningOpRef<ModuleOp> module;     ///< up to kLastSharedPhase
  std::vector<TargetChoice> targets;
  std::vector<LevelModule> levels;  ///< after it, each level once
};

ExitCode Compilation::fail(ExitCode code, const llvm::Twine &message) {
  log << "phic: error: " << message << "\n";
  if (observer)
    observer->findings.push_back({DiagnosticSeverity::Error, message.str(), {}});
  return code;
}

ExitCode Compilation::readModel() {
  std::string error;
  std::optional<ModelPath> found = findModel(options.model, error);
  if (!found)
    return usageError(error);
  model = *found;
  inputs.look(model.file);
  ImportOptions importOptions{options.maxContext, &inputs};
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
  if (*options.startFrom <= Phase(int(kLastSharedPhase) + 1)) {
    module = parseSourceFile<ModuleOp>(options.model, &context);
    return module ? kExitSuccess : kExitModel;
  }
  auto text = llvm::MemoryBuffer::getFile(options.model, /*IsText=*/true);
  return text ? readLevels((*text)->getBuffer()) : usageError("cannot read " + options.model + ": " + text.getError().message());
}

/// IR that has been through `kernels` says for which levels.
ExitCode Compilation::readLevels(StringRef text) {
  if (!options.cpu.empty())
    return usageError(llvm::Twine("--cpu=") + options.cpu + " comes too late: the kernels of " + options.model + " are made");
  SmallVector<StringRef> pieces;
  text.split(pieces, kSplitMarker, /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef piece : pieces) {
    auto read = parseSourceString<ModuleOp>(piece, &context, options.model);
    auto name = read ? read->getOperation()->getAttrOfType<StringAttr>(plan::PlanDialect::kLevel) : StringAttr();
    const Target *level = name ? targetByName(name.getValue()) : nullptr;
    if (read && !level)
      read->emitError("has no level of Targets.def as ") << plan::PlanDialect::kLevel;
    if (!level)
      return kExitModel;
    levels.push_back({level, std::move(read)});
  }
  for (TargetChoice &choice : targets) {
    choice.levels.clear();
    for (const LevelModule &level : levels)
      if (level.target->family == choice.system->family)
        choice.levels.push_back(level.target);
    if (choice.levels.empty())
      return usageError(options.model + " has no kernels for --target=" + std::string(choice.system->name));
  }
  return kExitSuccess;
}

/// The weights' files, which the IR names relative to the model's folder.
void Compilation::lookAtModelFiles() {
  if (auto files = anyModule()->getAttrOfType<ArrayAttr>(phiq::PhiqDialect::kFiles))
    for (Attribute file : files)
      inputs.look(model.directory + "/" + cast<StringAttr>(file).getValue());
}

void Compilation::addLevels() {
  for (const TargetChoice &choice : targets)
    for (const Target *level : choice.levels)
      if (llvm::none_of(levels, [&](const LevelModule &known) { return known.target == level; }))
        levels.push_back({level, OwningOpRef<ModuleOp>(module->clone())});
  module = nullptr;
}

ExitCode Compilation::runPhase(Phase phase) {
  if (phase <= kLastSharedPhase)
    return runPasses(phase, *module, defaultTarget());
  if (levels.empty()) {
    if (!observer && !options.stopAfter)
      if (ExitCode code = measureWeights(*module))
        return code;
    addLevels();
  }
  for (LevelModule &level : levels)
    if (ExitCode code = runPasses(phase, *level.module, *level.target))
      return code;
  return kExitSuccess;
}

/// A failing pass of the first phases means that the model cannot be had;
/// later ones hold by construction, so their failure is ours.
ExitCode Compilation::runPasses(Phase phase, ModuleOp on, const Target &level) {
  PassManager passes(&context);
  std::string reproducer = (llvm::Twine("phic-reproducer-") + phaseName(phase) + ".mlir").str();
  if (phase > Phase::Fuse)
    passes.enableCrashReproducerGeneration(reproducer);
  addPhase(passes, phase, options, level);
  if (succeeded(passes.run(on)))
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
  auto print = [&](ModuleOp one) {
    os << (text.empty() ? StringRef() : StringRef(kSplitMarker));
    one.print(os, OpPrintingFlags().enableDebugInfo(/*enable=*/true, /*prettyForm=*/false));
    os << "\n";
  };
  if (module)
    print(*module);
  for (LevelModule &level : levels)
    print(*level.module);
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
ExitCode Compilation::measureWeights(ModuleOp on) {
  llvm::Error error = measureWeightErrors(on, model.directory);
  return error ? fail(kExitModel, llvm::toString(std::move(error))) : kExitSuccess;
}

/// The outputs of one system after the other, each of its levels.
ExitCode Compilation::link() {
  auto systems = optionsOfSystems(options);
  if (!systems)
    return usageError(llvm::toString(systems.takeError()));
  for (auto [choice, one] : llvm::zip_equal(targets, *systems)) {
    std::vector<const LevelModule *> code;
    for (const Target *target : choice.levels)
      code.push_back(&*llvm::find_if(levels, [&](const LevelModule &level) { return level.target == target; }));
    if (ExitCode result = linkModel(code, model, one, inputs, log))
      return result;
  }
  return kExitSuccess;
}

/// What the options name, before anything is read.
ExitCode Compilation::checkOptions(Phase first, Phase last) {
  if (first > last)
    return usageError(llvm::Twine("--start-from=") + std::string(phaseName(first)) + " is after --stop-after=" + std::string(phaseName(last)));
  std::string reason;
  auto choices = chooseTargets(options.target, options.cpu, &reason);
  if (!choices)
    return usageError(reason);
  targets = std::move(*choices);
  if (std::string error; !PrecisionSpec::parse(options.precision, &error))
    return usageError(error);
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
    if (ExitCode code = runPhase(phase))
      return code;
    if (observer)
      observer->after(phase, anyModule());
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
  // Before the levels part, where that happens in this compilation.
  if (options.startFrom.value_or(Phase::Import) > kLastSharedPhase)
    for (LevelModule &level : levels)
      if (ExitCode code = measureWeights(*level.module))
        return code;
  return link();
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
  std::optional<Finding> excess = findMemoryExcess(predict(anyModule(), options, wanted), options);
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
  if (!depfile)
    return kExitSuccess;
  auto outputs = pathsOfSystems(options);
  if (!outputs)
    return usageError(log, outputs.takeError());
  if (llvm::Error failure = depfile->write(*outputs, inputs))
    return usageError(log, std::move(failure));
  return kExitSuccess;
}

ExitCode observe(const Options &options, PhaseObserver &observer) {
  InputFiles inputs;
  return Compilation(options, inputs, observer).runObserved();
}

} // namespace phic
