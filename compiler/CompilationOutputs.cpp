//===- CompilationOutputs.cpp - What a compilation writes ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Compilation.h"
#include "compiler/IrFile.h"
#include "compiler/files/Console.h"
#include "compiler/import/Importer.h"
#include "compiler/report/MemoryLimit.h"
#include "compiler/report/Report.h"
#include "compiler/weights/WeightErrors.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace phic {

llvm::Error planFiles(const BuildRequest &request, OutputFiles &files) {
  std::vector<std::string> paths = request.writtenFiles();
  for (const std::string &path : {request.reportFile(), request.depfile})
    if (!path.empty())
      paths.push_back(path);
  for (Phase phase = request.first; !request.dumpPhases.empty() && phase <= request.last && phase < Phase::Link;
       phase = Phase(int(phase) + 1))
    paths.push_back(request.dumpFile(phase));
  for (const std::string &path : paths)
    if (llvm::Error failure = files.plan(path))
      return failure;
  return llvm::Error::success();
}

ExitCode Compilation::run() {
  std::optional<OutputFile> report; // first: a file that cannot be is known before the work is done
  if (!request.report.empty()) {
    auto created = OutputFile::create(request.reportFile(), planned);
    if (!created)
      return usageError(llvm::toString(created.takeError()));
    report.emplace(std::move(*created));
  }
  const bool isLinked = request.last == Phase::Link;
  if (ExitCode code = runPhases(request.last))
    return code;
  if (isLinked)
    if (ExitCode code = runHooks(Phase::Link, /*isBefore=*/true))
      return code;
  if (isLinked)
    if (ExitCode code = checkMemory())
      return code;
  if (ExitCode code = measureWeights())
    return code;
  if (ExitCode code = isLinked ? link() : writeIr(request.irFile, request.last))
    return code;
  return report ? writeReport(*report) : kExitSuccess;
}

ExitCode Compilation::writeIr(const std::string &path, Phase after) {
  if (path == "-") {
    reports() << printIr(modules(), after);
    llvm::Error failure = flushReports();
    return failure ? usageError(llvm::toString(std::move(failure))) : kExitSuccess;
  }
  llvm::Error failure = writeWhole(path, printIr(modules(), after), planned);
  return failure ? usageError(llvm::toString(std::move(failure))) : kExitSuccess;
}

/// Of what reads weights and writes files: failures of the output carry the system's code, others are of the model.
static ExitCode codeOf(const std::error_code &code) {
  return code == llvm::inconvertibleErrorCode() ? kExitModel : kExitUsage;
}

/// Conversions are carried out once, where that is asked for; derived weights that the IR names are had.
ExitCode Compilation::deriveWeights() {
  auto any = [&](ModuleOp one, bool (*is)(phiq::WeightOp)) {
    return one->walk([&](phiq::WeightOp op) { return is(op) ? WalkResult::interrupt() : WalkResult::advance(); })
        .wasInterrupted();
  };
  for (ModuleOp one : modules()) {
    const bool isAsked = request.conversions == Conversions::Once && !observer &&
                         any(one, [](phiq::WeightOp op) { return op.getConversion().has_value(); });
    if (!isAsked && !any(one, [](phiq::WeightOp op) { return op.getDerived().has_value(); }))
      continue;
    auto weights = this->weights();
    if (!weights)
      return fail(kExitModel, llvm::toString(weights.takeError()));
    auto places = derivedPlaces();
    if (!places)
      return usageError(llvm::toString(places.takeError()));
    DerivedWeights derived(**weights, *places,
                           [&](const llvm::Twine &message) { log << "phic: warning: " << message << "\n"; });
    llvm::Error failure = derived.provide(one);
    if (!failure && isAsked)
      failure = derived.derive(one);
    derivedCount += derived.made();
    ExitCode code = kExitSuccess;
    llvm::handleAllErrors(std::move(failure), [&](const llvm::ErrorInfoBase &info) {
      code = fail(codeOf(info.convertToErrorCode()), info.message());
    });
    if (code)
      return code;
  }
  return kExitSuccess;
}

/// In the cache, else on the output's file system, which has room for as much.
llvm::Expected<DerivedWeights::Places> Compilation::derivedPlaces() const {
  DerivedWeights::Places places;
  if (!request.cacheDir.empty()) {
    places.kept = request.cacheDir + "/derived";
    if (std::error_code code = llvm::sys::fs::create_directories(places.kept))
      return llvm::createStringError("cannot use " + request.cacheDir + " as cache folder: " + code.message());
  }
  const std::vector<std::string> written = request.writtenFiles();
  llvm::SmallString<128> folder;
  if (written.empty() || written.front() == "-")
    llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, folder);
  else
    folder = llvm::sys::path::parent_path(written.front());
  places.scratch = folder.empty() ? "." : folder.str().str();
  return places;
}

/// What converted weights lost, where a program or a report will say it: once, before the families part where they do.
ExitCode Compilation::measureWeights() {
  bool isSaid = !observer && (request.last == Phase::Link || !request.report.empty());
  if (!isSaid || std::exchange(hasMeasuredWeights, true))
    return kExitSuccess;
  for (ModuleOp one : modules()) {
    if (!wantsMeasuring(one))
      continue;
    auto weights = this->weights();
    llvm::Error failure = weights ? measureWeightErrors(one, **weights) : weights.takeError();
    if (failure)
      return fail(kExitModel, llvm::toString(std::move(failure)));
  }
  return kExitSuccess;
}

ExitCode Compilation::writeReport(OutputFile &file) {
  llvm::Error failure = file.write(printable(reportText(makeReport(anyModule(), request, tokenizerBytes()))));
  if (!failure)
    failure = file.keep();
  return failure ? usageError(llvm::toString(std::move(failure))) : kExitSuccess;
}

/// The files that the IR names. An importer that has made its handles with the store has mapped them already.
llvm::Expected<WeightStore *> Compilation::weights() {
  std::vector<std::string> files;
  for (auto file : anyModule()->getAttrOfType<ArrayAttr>(phiq::PhiqDialect::kFiles).getAsRange<StringAttr>())
    files.push_back(file.str());
  if (store.files() != ArrayRef(files))
    if (llvm::Error failure = store.map(model.directory, files))
      return failure;
  return &store;
}

/// Compiled when it is first asked for; empty for a graph that takes no tokens.
llvm::Expected<const CompiledTokenizer *> Compilation::tokenizer() {
  if (!compiledTokenizer && !plan::hasSteps(modelFunction(anyModule())))
    compiledTokenizer.emplace();
  if (!compiledTokenizer && tokenizerFailure.empty()) {
    if (llvm::Expected<CompiledTokenizer> compiled = model.importer->tokenizer(model, &inputs))
      compiledTokenizer = std::move(*compiled);
    else
      tokenizerFailure = llvm::toString(compiled.takeError());
  }
  if (!compiledTokenizer)
    return llvm::createStringError(tokenizerFailure);
  return &*compiledTokenizer;
}

/// The outputs of one system after the other, each of its levels.
ExitCode Compilation::link() {
  auto weights = this->weights();
  if (!weights)
    return fail(kExitModel, llvm::toString(weights.takeError()));
  auto tokenizer = this->tokenizer();
  if (!tokenizer)
    return fail(kExitModel, llvm::toString(tokenizer.takeError()));
  for (const std::string &warning : (*tokenizer)->warnings)
    log << "phic: warning: " << warning << "\n";
  for (auto [choice, outputs] : llvm::zip_equal(request.targets, request.outputs)) {
    std::vector<FamilyCode> code;
    for (const Target *target : choice.levels) {
      if (code.empty() || code.back().backend != &backendOf(*target))
        code.push_back({&backendOf(*target), {}});
      code.back().levels.push_back(
          &*llvm::find_if(levels, [&](const LevelModule &level) { return level.target == target; }));
    }
    if (ExitCode result = linkModel({choice.system, code, outputs}, {**weights, **tokenizer}, request, planned, log))
      return result;
  }
  return kExitSuccess;
}

/// For predictions. link() complains about a tokenizer that cannot be compiled.
uint64_t Compilation::tokenizerBytes() {
  llvm::Expected<const CompiledTokenizer *> compiled = tokenizer();
  if (compiled)
    return (*compiled)->tables.size() + (*compiled)->chat.size();
  llvm::consumeError(compiled.takeError());
  return 0;
}

/// --max-memory, at the longest context that the program is built for.
ExitCode Compilation::checkMemory() {
  if (request.maxMemory == 0)
    return kExitSuccess;
  PredictionOptions wanted;
  wanted.context = request.maxContext;
  wanted.tokenizerBytes = tokenizerBytes();
  std::optional<Finding> excess = findMemoryExcess(predict(anyModule(), request.targets.front(), wanted), request);
  if (!excess)
    return kExitSuccess;
  fail(kExitModel, excess->message);
  for (const std::string &note : excess->notes)
    log << "phic: note: " << note << "\n";
  return kExitModel;
}

} // namespace phic
