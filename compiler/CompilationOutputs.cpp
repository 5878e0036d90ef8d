//===- CompilationOutputs.cpp - What a compilation writes ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Compilation.h"
#include "compiler/IrFile.h"
#include "compiler/SystemOptions.h"
#include "compiler/import/Importer.h"
#include "compiler/report/MemoryLimit.h"
#include "compiler/report/Report.h"
#include "compiler/weights/WeightErrors.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace phic {

static bool isStandardOutput(llvm::StringRef path) { return path.empty() || path == "-"; }

static std::string reportFile(const Options &options) { return options.report == "-" ? "/dev/stdout" : options.report; }

std::string dumpFile(const Options &options, Phase phase) {
  return llvm::formatv("{0}/{1}-{2}.mlir", options.dumpPhases, int(phase), phaseName(phase));
}

llvm::Error planFiles(const Options &options, OutputFiles &files) {
  const Phase first = options.startFrom.value_or(Phase::Import), last = options.stopAfter.value_or(Phase::Link);
  std::vector<std::string> paths;
  if (last == Phase::Link) {
    auto outputs = pathsOfSystems(options);
    if (!outputs)
      return outputs.takeError();
    paths = std::move(*outputs);
  } else if (!isStandardOutput(options.output)) {
    paths.push_back(options.output);
  }
  for (const std::string &path : {reportFile(options), options.depfile})
    if (!path.empty())
      paths.push_back(path);
  for (Phase phase = first; !options.dumpPhases.empty() && phase <= last && phase < Phase::Link;
       phase = Phase(int(phase) + 1))
    paths.push_back(dumpFile(options, phase));
  for (const std::string &path : paths)
    if (llvm::Error failure = files.plan(path))
      return failure;
  return llvm::Error::success();
}

ExitCode Compilation::run() {
  Phase last = options.stopAfter.value_or(Phase::Link);
  std::optional<OutputFile> report; // first: a file that cannot be is known before the work is done
  if (!options.report.empty()) {
    auto created = OutputFile::create(reportFile(options), planned);
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

ExitCode Compilation::writeIr(const std::string &path, Phase after) {
  if (isStandardOutput(path)) {
    llvm::outs() << printIr(modules(), after);
    llvm::outs().flush();
    std::error_code failure = llvm::outs().error();
    llvm::outs().clear_error();
    return failure ? usageError("cannot write standard output: " + failure.message()) : kExitSuccess;
  }
  llvm::Error failure = writeWhole(path, printIr(modules(), after), planned);
  return failure ? usageError(llvm::toString(std::move(failure))) : kExitSuccess;
}

/// What converted weights lost, where a program or a report will say it: once, before the families part where they do.
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
    std::vector<FamilyCode> code;
    for (const Target *target : choice.levels) {
      if (code.empty() || code.back().backend != &backendOf(*target))
        code.push_back({&backendOf(*target), {}});
      code.back().levels.push_back(
          &*llvm::find_if(levels, [&](const LevelModule &level) { return level.target == target; }));
    }
    if (ExitCode result = linkModel(code, model, one, inputs, planned, log))
      return result;
  }
  return kExitSuccess;
}

/// For predictions. linkModel complains about a tokenizer that cannot be compiled.
uint64_t Compilation::tokenizerBytes() {
  llvm::Expected<CompiledTokenizer> tokenizer = model.importer->tokenizer(model, nullptr);
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

} // namespace phic
