//===- Compiler.cpp - From a model to a program ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the phases in order. What is not a list of passes is here: reading the
// model, one module for each CPU level, plugins' hooks, and handing the last
// phase over to compiler/link.
//===----------------------------------------------------------------------===//
#include "compiler/Compiler.h"
#include "compiler/Depfile.h"
#include "compiler/Diagnostics.h"
#include "compiler/Dialects.h"
#include "compiler/InputFiles.h"
#include "compiler/IrFile.h"
#include "compiler/OutputFile.h"
#include "compiler/Pipeline.h"
#include "compiler/Plugin.h"
#include "compiler/Progress.h"
#include "compiler/SystemOptions.h"
#include "compiler/cache/CompileCache.h"
#include "compiler/import/Import.h"
#include "compiler/import/ModelPath.h"
#include "compiler/import/tokenizer/Tokenizer.h"
#include "compiler/link/Link.h"
#include "compiler/report/MemoryLimit.h"
#include "compiler/report/Report.h"
#include "compiler/weights/WeightErrors.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/plan/Plan.h"
#include "targets/Levels.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace phic {

namespace {

/// The state of one compilation: a context, the module as it moves through the
/// phases, one module a level after the last shared phase, and where the model's files are.
class Compilation {
public:
  Compilation(const Options &options, InputFiles &inputs, llvm::raw_ostream &log, const PluginRegistry &plugins)
      : options(options), inputs(inputs), log(log), plugins(plugins), context(makeRegistry()),
        diagnostics(&context, log, {!options.quiet, options.errorOnFallback}) {
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

  ExitCode usePlugins();
  ExitCode readModel();
  ExitCode readIr();
  ExitCode chooseLevelsRead();
  void lookAtModelFiles();
  ExitCode checkOptions(Phase first, Phase last);
  ExitCode runPhases(Phase first, Phase last);
  void addLevels();
  ExitCode runPhase(Phase phase);
  ExitCode runPasses(Phase phase, ModuleOp on, const Target &level);
  ExitCode writeIr(const std::string &path, Phase after);
  ExitCode runHooks(Phase phase, bool isBefore);
  std::string pluginNote();
  ExitCode checkMemory();
  uint64_t tokenizerBytes();
  ExitCode link();
  SmallVector<ModuleOp> modules();
  ModuleOp anyModule() { return modules().front(); }
  ExitCode fail(ExitCode code, const llvm::Twine &message);
  ExitCode usageError(const llvm::Twine &message) { return fail(kExitUsage, message); }
  ExitCode measureWeights();
  ExitCode writeReport(Phase last, OutputFile &file);

  const Options &options;
  InputFiles &inputs;
  llvm::raw_ostream &log;
  PhaseObserver *observer = nullptr;
  PluginRegistry plugins;
  MLIRContext context;
  DiagnosticPrinter diagnostics;
  ModelPath model;
  OwningOpRef<ModuleOp> module;     ///< up to kLastSharedPhase
  std::vector<TargetChoice> targets;
  std::vector<LevelModule> levels;  ///< after it, each level once
  bool hasMeasuredWeights = false;
};

ExitCode Compilation::fail(ExitCode code, const llvm::Twine &message) {
  log << "phic: error: " << message << "\n";
  if (observer)
    observer->findings.push_back({DiagnosticSeverity::Error, message.str(), {}});
  return code;
}

/// Before the model is read: plugins may bring what its IR is made of.
ExitCode Compilation::usePlugins() {
  std::vector<std::string> errors = loadPlugins(options, plugins);
  for (const std::string &error : errors)
    usageError(error);
  if (!errors.empty())
    return kExitUsage;
  if (!options.passPlugins.empty() && plugins.isIdle())
    return usageError("nothing runs the passes of the plugins: say where with --run-before=PHASE:PASS or --run-after=PHASE:PASS");
  for (const std::string &path : options.passPlugins)
    inputs.look(path);
  plugins.addTo(context);
  return kExitSuccess;
}

/// One up to kLastSharedPhase, then one a level.
SmallVector<ModuleOp> Compilation::modules() {
  SmallVector<ModuleOp> all;
  if (module)
    all.push_back(*module);
  for (LevelModule &level : levels)
    all.push_back(*level.module);
  return all;
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
  auto read = readIrFile(context, options, [&](ExitCode code, const llvm::Twine &message) { return fail(code, message); });
  if (!read.code)
    module = std::move(read.module), levels = std::move(read.levels);
  return read.code ? read.code : chooseLevelsRead();
}

/// What has been through `kernels` says for which levels.
ExitCode Compilation::chooseLevelsRead() {
  for (TargetChoice &choice : targets) {
    if (levels.empty())
      return kExitSuccess;
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
    if (ExitCode code = measureWeights())
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
                                 " reproduces it with phic-opt" + pluginNote());
}

/// What the user of a reproducer must know: whose passes it names, and who may be to blame.
std::string Compilation::pluginNote() {
  std::string note;
  for (const std::string &path : options.passPlugins)
    note += " --load-pass-plugin=" + path;
  if (!plugins.isIdle())
    note += "; plugins and hooks had their part in it: see whether it fails without them";
  return note;
}

/// A hook is not phic's own: its failure, and IR that it leaves invalid, is told as that of whoever asked for it.
ExitCode Compilation::runHooks(Phase phase, bool isBefore) {
  for (const Hook &hook : plugins.hooks()) {
    if (hook.phase != phase || hook.isBefore != isBefore)
      continue;
    PassManager passes(&context, ModuleOp::getOperationName(), PassManager::Nesting::Implicit);
    std::string error = addHook(passes, hook);
    assert(error.empty() && "loadPlugins has parsed it");
    for (ModuleOp one : modules())
      if (failed(passes.run(one)))
        return fail(kExitModel, llvm::Twine("passes of ") + hook.origin + " failed " + (isBefore ? "before" : "after") + " phase '" +
                                    std::string(phaseName(phase)) + "'");
  }
  return kExitSuccess;
}

ExitCode Compilation::writeIr(const std::string &path, Phase after) {
  if (path.empty() || path == "-") {
    llvm::outs() << printIr(modules(), after);
    llvm::outs().flush();
    std::error_code failure = llvm::outs().error();
    llvm::outs().clear_error();
    return failure ? usageError("cannot write standard output: " + failure.message()) : kExitSuccess;
  }
  llvm::Error failure = writeWhole(path, printIr(modules(), after));
  return failure ? usageError(llvm::toString(std::move(failure))) : kExitSuccess;
}

/// What converted weights lost, where a program or a report will say it: once, before the levels part where they do.
ExitCode Compilation::measureWeights() {
  bool isSaid = !observer && (options.stopAfter.value_or(Phase::Link) == Phase::Link || !options.report.empty());
  if (!isSaid || std::exchange(hasMeasuredWeights, true))
    return kExitSuccess;
  for (ModuleOp one : modules())
    if (llvm::Error error = measureWeightErrors(one, model.directory))
      return fail(kExitModel, llvm::toString(std::move(error)));
  return kExitSuccess;
}

ExitCode Compilation::writeReport(Phase last, OutputFile &file) {
  llvm::Error failure = file.write(reportText(makeReport(anyModule(), last, options, tokenizerBytes()), options));
  if (!failure)
    failure = file.keep();
  return failure ? usageError(llvm::toString(std::move(failure))) : kExitSuccess;
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
  if (std::string error = checkReportFlags(options); !error.empty())
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
  if (ExitCode code = usePlugins())
    return code;
  if (ExitCode code = first == Phase::Import ? readModel() : readIr())
    return code;
  lookAtModelFiles();
  if (!plugins.plugins().empty())
    for (ModuleOp one : modules())
      one->setAttr(kPlugins, Builder(&context).getStrArrayAttr(llvm::to_vector_of<StringRef>(plugins.plugins())));
  for (Phase phase = first; phase <= last && phase < Phase::Link; phase = Phase(int(phase) + 1)) {
    if (ExitCode code = runHooks(phase, /*isBefore=*/true))
      return code;
    if (ExitCode code = runPhase(phase))
      return code;
    if (ExitCode code = runHooks(phase, /*isBefore=*/false))
      return code;
    if (observer)
      observer->after(phase, anyModule());
    if (!options.dumpPhases.empty()) {
      std::string file = llvm::formatv("{0}/{1}-{2}.mlir", options.dumpPhases, int(phase), phaseName(phase));
      if (ExitCode code = writeIr(file, phase))
        return code;
    }
  }
  return kExitSuccess;
}

ExitCode Compilation::run() {
  Phase last = options.stopAfter.value_or(Phase::Link);
  std::optional<OutputFile> report; // first: a file that cannot be is known before the work is done
  if (!options.report.empty()) {
    auto created = OutputFile::create(options.report == "-" ? "/dev/stdout" : options.report);
    if (!created)
      return usageError(llvm::toString(created.takeError()));
    report.emplace(std::move(*created));
  }
  if (ExitCode code = runPhases(options.startFrom.value_or(Phase::Import), last))
    return code;
  if (last == Phase::Link)
    if (ExitCode code = runHooks(Phase::Link, /*isBefore=*/true))
      return code;
  if (last == Phase::Link)
    if (ExitCode code = checkMemory())
      return code;
  if (ExitCode code = measureWeights())
    return code;
  if (ExitCode code = last < Phase::Link ? writeIr(options.output, last) : link())
    return code;
  return report ? writeReport(last, *report) : kExitSuccess;
}

/// For predictions. linkModel complains about a tokenizer that cannot be compiled.
uint64_t Compilation::tokenizerBytes() {
  llvm::Expected<CompiledTokenizer> tokenizer = compileTokenizer(model);
  if (tokenizer)
    return tokenizer->tables.size() + tokenizer->chat.size();
  llvm::consumeError(tokenizer.takeError());
  return 0;
}

/// --max-memory, at the longest context that the program is built for.
ExitCode Compilation::checkMemory() {
  if (options.maxMemory == 0)
    return kExitSuccess;
  PredictionOptions wanted;
  wanted.context = options.maxContext;
  wanted.tokenizerBytes = tokenizerBytes();
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

ExitCode compile(const Options &options, llvm::raw_ostream &log) { return compile(options, log, PluginRegistry()); }

ExitCode compile(const Options &options, llvm::raw_ostream &log, const PluginRegistry &plugins) {
  std::optional<Depfile> depfile;
  if (!options.depfile.empty()) {
    auto created = Depfile::create(options.depfile);
    if (!created)
      return usageError(log, created.takeError());
    depfile.emplace(std::move(*created));
  }
  InputFiles inputs;
  auto compileAnew = [&](llvm::raw_ostream &log) { return Compilation(options, inputs, log, plugins).run(); };
  // The cache knows the plugins of the options, which are files; not those of the calling program.
  if (ExitCode code = wantsCache(options) && plugins.isIdle() ? compileCached(options, inputs, log, compileAnew) : compileAnew(log))
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
