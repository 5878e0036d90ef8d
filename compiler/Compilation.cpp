//===- Compilation.cpp - One run through the phases ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Compilation.h"
#include "compiler/IrFile.h"
#include "compiler/Pipeline.h"
#include "compiler/files/FreshFile.h"
#include "compiler/import/Importer.h"
#include "compiler/messages/Progress.h"
#include "compiler/plugin/Hooks.h"
#include "compiler/tokenizer/Tokenizer.h"
#include "dialects/phiq/ModelFacts.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "mlir/Pass/PassManager.h"
#include "targets/Backend.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;

namespace phic {

ExitCode Compilation::fail(ExitCode code, const llvm::Twine &message) {
  log << "phic: error: " << message << "\n";
  if (observer)
    observer->findings.push_back({DiagnosticSeverity::Error, message.str(), {}});
  return code;
}

/// Before the model is read: plugins may bring what its IR is made of.
ExitCode Compilation::usePlugins() {
  std::vector<std::string> errors = loadPlugins(request.plugins, plugins);
  for (const std::string &error : errors)
    usageError(error);
  if (!errors.empty())
    return kExitUsage;
  if (!request.plugins.files.empty() && plugins.isIdle())
    return usageError(
        "nothing runs the passes of the plugins: say where with --run-before=PHASE:PASS or --run-after=PHASE:PASS");
  for (const std::string &path : request.plugins.files)
    inputs.look(path);
  plugins.addTo(context);
  return kExitSuccess;
}

/// One up to kLastSharedPhase, then one a family, then one a level.
SmallVector<ModuleOp> Compilation::modules() {
  SmallVector<ModuleOp> all;
  if (module)
    all.push_back(*module);
  for (FamilyModule &family : families)
    all.push_back(*family.module);
  for (LevelModule &level : levels)
    all.push_back(*level.module);
  return all;
}

ExitCode Compilation::readModel() {
  NoModel why;
  std::optional<ModelPath> found = findModel(request.model, why, plugins.importers());
  if (!found)
    return fail(why.isThere ? kExitModel : kExitUsage, why.reason);
  model = *found;
  inputs.look(model.file);
  std::optional<Progress> hashing;
  auto showProgress = [&](uint64_t done, uint64_t total) {
    if (!hashing)
      hashing.emplace("hashing weights", total, request.quiet);
    (*hashing)(done);
  };
  ImportOptions importOptions{request.maxContext, request.graphInputs, &inputs, showProgress, &store};
  module = model.importer->read(context, model, importOptions);
  if (module && !request.graphInputs.empty() && plan::hasSteps(modelFunction(*module)))
    return usageError("--shape, --dim, --const and --state are for other graphs than decoders, and " + model.file +
                      " is one");
  return module ? kExitSuccess : kExitModel;
}

ExitCode Compilation::readIr() {
  if (!llvm::sys::fs::exists(request.model))
    return usageError("no such file: " + request.model);
  NoModel why;
  if (std::optional<ModelPath> found = findModelOfIr(request.model, request.modelDirectory, why, plugins.importers()))
    model = *found;
  else
    return usageError(why.reason);
  inputs.look(request.model);
  auto read =
      readIrFile(context, request, [&](ExitCode code, const llvm::Twine &message) { return fail(code, message); });
  if (read.code)
    return read.code;
  module = std::move(read.module), families = std::move(read.families), levels = std::move(read.levels);
  if (ExitCode code = levels.empty() ? chooseFamiliesRead() : chooseLevelsRead())
    return code;
  return checkIr();
}

/// What enters may have been changed since it was written: later phases rely on what the ones before have checked.
ExitCode Compilation::checkIr() {
  for (ModuleOp one : modules()) {
    std::vector<const Target *> forLevels = request.levels();
    if (request.first > Phase::Layout)
      llvm::erase_if(forLevels, [&](const Target *level) { return &backendOf(*level) != &backendOf(one); });
    PassManager passes(&context);
    addEntryChecks(passes, request.first, forLevels);
    if (failed(passes.run(one)))
      return kExitModel;
  }
  return kExitSuccess;
}

/// What has been through `kernels` says for which levels.
ExitCode Compilation::chooseLevelsRead() {
  for (TargetChoice &choice : request.targets) {
    choice.levels.clear();
    for (const LevelModule &level : levels)
      if (backendOf(*level.target).runsOn(*level.target, *choice.system))
        choice.levels.push_back(level.target);
    if (levelsOf(hostBackend(), choice.levels).empty())
      return usageError(request.model + " has no kernels for --target=" + std::string(choice.system->name));
  }
  return kExitSuccess;
}

/// What has been through `layout` says for which families: those that --device does not name take their default levels.
ExitCode Compilation::chooseFamiliesRead() {
  if (families.empty())
    return kExitSuccess;
  for (const Target *level : request.levels())
    if (llvm::none_of(families, [&](const FamilyModule &one) { return one.backend == &backendOf(*level); }))
      return usageError(request.model + " has no plan for the family '" + std::string(level->family) +
                        "'; --start-from=layout makes one");
  for (TargetChoice &choice : request.targets)
    for (const FamilyModule &one : families)
      if (llvm::none_of(choice.levels, [&](const Target *level) { return &backendOf(*level) == one.backend; }))
        llvm::append_range(choice.levels, one.backend->defaultLevels());
  return kExitSuccess;
}

/// The weights' files, which the IR names relative to the model's folder, and those that may lie beside them.
void Compilation::lookAtModelFiles() {
  if (auto files = anyModule()->getAttrOfType<ArrayAttr>(phiq::PhiqDialect::kFiles))
    for (auto file : files.getAsRange<StringAttr>())
      if (!WeightStore::isDerived(file.getValue()))
        inputs.look(model.directory + "/" + file.getValue());
  for (StringRef name : kTokenizerFiles)
    planned.protect(model.directory + "/" + name.str());
}

void Compilation::addFamilies() {
  for (const Target *level : request.levels()) {
    const Backend &backend = backendOf(*level);
    if (llvm::none_of(families, [&](const FamilyModule &known) { return known.backend == &backend; }))
      families.push_back({&backend, OwningOpRef<ModuleOp>(module->clone())});
  }
  module = nullptr;
}

void Compilation::addLevels() {
  for (const Target *level : request.levels()) {
    auto family = llvm::find_if(families, [&](const FamilyModule &one) { return one.backend == &backendOf(*level); });
    levels.push_back({level, OwningOpRef<ModuleOp>(family->module->clone())});
  }
  families.clear();
}

ExitCode Compilation::runPhase(Phase phase) {
  if (phase <= kLastSharedPhase)
    return runPasses(phase, *module, request.levels());
  if (phase == Phase::Layout) {
    if (ExitCode code = measureWeights())
      return code;
    addFamilies();
    for (FamilyModule &family : families)
      if (ExitCode code = runPasses(phase, *family.module, family.backend->levels().front()))
        return code;
    return kExitSuccess;
  }
  if (levels.empty())
    addLevels();
  for (LevelModule &level : levels)
    if (ExitCode code = runPasses(phase, *level.module, level.target))
      return code;
  if (phase == Phase::Kernels)
    shareScratch();
  return kExitSuccess;
}

/// A session has one scratch memory, whichever level of a family runs: the plan of each says what the one that needs most
/// takes.
void Compilation::shareScratch() {
  auto memoryOf = [](ModuleOp one) { return one->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory); };
  for (const TargetChoice &choice : request.targets)
    for (const Backend *backend : allBackends()) {
      llvm::SmallVector<ModuleOp> together;
      uint64_t most = 0;
      for (LevelModule &level : levels)
        if (llvm::is_contained(choice.levels, level.target) && &backendOf(*level.target) == backend &&
            memoryOf(*level.module)) {
          together.push_back(*level.module);
          most = std::max(most, memoryOf(together.back()).getScratchBytes());
        }
      for (ModuleOp one : together) {
        plan::MemoryAttr m = memoryOf(one);
        one->setAttr(plan::PlanDialect::kMemory,
                     plan::MemoryAttr::get(&context, m.getChunkRows(), m.getArenaBytes(), most, m.getKvBytesPerToken(),
                                           m.getWeightsBytes()));
      }
    }
}

namespace {

/// The IR that a phase failed on, for phic-opt.
class Reproducer final : public ReproducerStream {
public:
  explicit Reproducer(FreshFile file) : file(std::move(file)) {}
  StringRef description() override { return file.path; }
  raw_ostream &os() override { return *file.os; }

private:
  FreshFile file;
};

} // namespace

/// A failing pass of the first phases means that the model cannot be had;
/// later ones hold by construction, so their failure is ours.
ExitCode Compilation::runPasses(Phase phase, ModuleOp on, ArrayRef<const Target *> forLevels) {
  PassManager passes(&context);
  std::string reproducer = "no file";
  if (phase > Phase::Fuse)
    passes.enableCrashReproducerGeneration([&](std::string &error) -> std::unique_ptr<ReproducerStream> {
      auto file = createFreshFile((llvm::Twine("phic-reproducer-") + phaseName(phase) + "-").str(), ".mlir");
      if (!file)
        return error = llvm::toString(file.takeError()), nullptr;
      reproducer = file->path;
      return std::make_unique<Reproducer>(std::move(*file));
    });
  addPhase(passes, phase, request, forLevels);
  if (succeeded(passes.run(on)))
    return request.errorOnFallback && diagnostics.fallbacks() ? kExitUsage : kExitSuccess;
  if (phase <= Phase::Fuse)
    return kExitModel;
  return fail(kExitInternal, llvm::Twine("phase '") + std::string(phaseName(phase)) +
                                 "' failed; this is phic's own fault, " + reproducer + " reproduces it with phic-opt" +
                                 pluginNote());
}

/// What the user of a reproducer must know: whose passes it names, and who may be to blame.
std::string Compilation::pluginNote() {
  std::string note;
  for (const std::string &path : request.plugins.files)
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
        return fail(kExitModel, llvm::Twine("passes of ") + hook.origin + " failed " + (isBefore ? "before" : "after") +
                                    " phase '" + std::string(phaseName(phase)) + "'");
  }
  return kExitSuccess;
}

/// What the request names, before the model is read.
ExitCode Compilation::prepare() {
  if (!request.tilesFile.empty())
    inputs.look(request.tilesFile);
  if (!request.dumpPhases.empty())
    if (std::error_code code = llvm::sys::fs::create_directories(request.dumpPhases))
      return usageError("cannot create " + request.dumpPhases + ": " + code.message());
  return usePlugins();
}

/// Reads the model or its IR, and takes it through the phases but `link`.
ExitCode Compilation::runPhases(Phase last) {
  if (ExitCode code = prepare())
    return code;
  if (ExitCode code = request.first == Phase::Import ? readModel() : readIr())
    return code;
  for (ModuleOp one : modules())
    if (std::string wrong = checkModelFacts(modelFacts(one)); !wrong.empty())
      return fail(kExitModel, request.model + ": " + wrong);
  lookAtModelFiles();
  if (llvm::Error clash = planned.check())
    return usageError(llvm::toString(std::move(clash)));
  if (request.first > Phase::Import)
    if (ExitCode code = deriveWeights())
      return code;
  if (!plugins.plugins().empty())
    for (ModuleOp one : modules())
      one->setAttr(kPlugins, Builder(&context).getStrArrayAttr(llvm::to_vector_of<StringRef>(plugins.plugins())));
  for (Phase phase = request.first; phase <= last && phase < Phase::Link; phase = Phase(int(phase) + 1)) {
    if (ExitCode code = runHooks(phase, /*isBefore=*/true))
      return code;
    if (ExitCode code = runPhase(phase))
      return code;
    if (ExitCode code = runHooks(phase, /*isBefore=*/false))
      return code;
    if (phase == Phase::Precision)
      if (ExitCode code = deriveWeights())
        return code;
    if (observer)
      observer->after(phase, modules());
    if (!request.dumpPhases.empty())
      if (ExitCode code = writeIr(request.dumpFile(phase), phase))
        return code;
  }
  return kExitSuccess;
}

} // namespace phic
