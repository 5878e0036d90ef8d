//===- BuildRequest.cpp - What is to be built, all words resolved ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/request/BuildRequest.h"
#include "compiler/request/PlanOutputs.h"
#include "compiler/request/TilesFile.h"
#include "targets/Backend.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

namespace phic {
namespace {

class Resolver {
public:
  explicit Resolver(const Options &options) : options(options) { static_cast<CompileSettings &>(request) = options; }

  llvm::Expected<BuildRequest> resolveFor(const char *verb) {
    if (options.model.empty())
      return llvm::createStringError(llvm::Twine(verb) + " needs a MODEL: a directory, an .onnx or a .gguf file");
    return resolve();
  }

  llvm::Expected<BuildRequest> resolve() {
    for (auto step : {&Resolver::resolvePhases, &Resolver::resolveTargets, &Resolver::checkPrecision,
                      &Resolver::checkActivations, &Resolver::resolveTiles})
      if (llvm::Error failure = (this->*step)())
        return failure;
    return std::move(request);
  }

  llvm::Expected<BuildRequest> resolveWritten() {
    auto resolved = resolveFor("build");
    if (!resolved)
      return resolved;
    request = std::move(*resolved);
    for (auto step : {&Resolver::resolveOutputs, &Resolver::resolveReport})
      if (llvm::Error failure = (this->*step)())
        return failure;
    return std::move(request);
  }

private:
  llvm::Error resolvePhases();
  llvm::Error resolveTargets();
  llvm::Error checkPrecision();
  llvm::Error checkActivations();
  llvm::Error resolveTiles();
  llvm::Error resolveOutputs();
  llvm::Error resolveReport();
  bool writesIrToStdout() const { return request.last < Phase::Link && request.irFile == "-"; }

  const Options &options;
  BuildRequest request;
};

llvm::Error Resolver::resolvePhases() {
  request.first = options.startFrom.value_or(Phase::Import);
  request.last = options.stopAfter.value_or(Phase::Link);
  if (request.first > request.last)
    return llvm::createStringError("--start-from=" + std::string(phaseName(request.first)) +
                                   " is after --stop-after=" + std::string(phaseName(request.last)));
  for (auto [flag, value] : {std::pair("--cpu=", &options.cpu), std::pair("--device=", &options.device)})
    if (!value->empty() && request.first > Phase::Kernels)
      return llvm::createStringError(flag + *value + " comes too late: the kernels of " + options.model + " are made");
  if (!options.graphInputs.empty() && request.first > Phase::Import)
    return llvm::createStringError("--shape, --dim, --const and --state come too late: " + options.model +
                                   " has been imported");
  return llvm::Error::success();
}

llvm::Error Resolver::resolveTargets() {
  std::string reason;
  auto targets = chooseTargets(options.target, options.cpu, options.device, &reason);
  if (!targets)
    return llvm::createStringError(reason);
  request.targets = std::move(*targets);
  llvm::SmallVector<llvm::StringRef> names;
  llvm::StringRef(options.cpu).split(names, ',');
  request.namesThisMachine = llvm::is_contained(names, "native");
  return llvm::Error::success();
}

/// The pass reads the words again, from its own options.
llvm::Error Resolver::checkPrecision() {
  std::string reason;
  return PrecisionSpec::parse(options.precision, &reason) ? llvm::Error::success() : llvm::createStringError(reason);
}

/// A mode is one that all families of a program have.
llvm::Error Resolver::checkActivations() {
  std::optional<ComputeMode> mode = phiq::symbolizeComputeMode(nameOf(options.activations));
  for (const Target *level : request.levels()) {
    const Backend &backend = backendOf(*level);
    if (mode && !llvm::is_contained(backend.modes(), *mode))
      return llvm::createStringError("--act=" + nameOf(options.activations) + " has no kernels in family '" +
                                     backend.family() + "'; use auto, " +
                                     llvm::join(llvm::map_range(backend.modes(), phiq::stringifyComputeMode), " or "));
  }
  return llvm::Error::success();
}

/// Tables of tiles that would be passed over are a mistake.
llvm::Error Resolver::resolveTiles() {
  if (!options.tilesFile.empty()) {
    llvm::Expected<TilesOfLevels> tiles = readTilesFile(options.tilesFile);
    if (!tiles)
      return tiles.takeError();
    request.tiles = std::move(*tiles);
  }
  if (request.tiles.empty())
    return llvm::Error::success();
  if (request.first > Phase::Kernels || request.last < Phase::Kernels)
    return llvm::createStringError("--tiles is for the phase 'kernels', which is not run here");
  std::vector<llvm::StringRef> names;
  for (const Target *level : request.levels()) {
    if (request.tiles.contains(level->name))
      return llvm::Error::success();
    names.push_back(level->name);
  }
  return llvm::createStringError(options.tilesFile + " has tiles for " + request.tiles.begin()->first +
                                 (request.tiles.size() > 1 ? " and others" : "") +
                                 ", for none of the levels of this build: " + llvm::join(names, ", "));
}

llvm::Error Resolver::resolveOutputs() {
  if (options.output.empty() && !options.stopAfter)
    return llvm::createStringError("build needs -o FILE, the program to write");
  if (!options.depfile.empty() && (options.output.empty() || options.output == "-"))
    return llvm::createStringError("--depfile names what an output depends on, which needs -o FILE");
  if (request.last < Phase::Link) {
    request.irFile = options.output.empty() ? "-" : options.output;
    return llvm::Error::success();
  }
  for (const TargetChoice &choice : request.targets) {
    auto outputs = planOutputs(options, *choice.system, /*isFirst=*/request.outputs.empty());
    if (!outputs)
      return outputs.takeError();
    request.outputs.push_back(std::move(*outputs));
  }
  return llvm::Error::success();
}

llvm::Error Resolver::resolveReport() {
  if (options.report.empty())
    return options.reportFormat == ReportFormat::ByName
               ? llvm::Error::success()
               : llvm::createStringError("--report-format says nothing without --report");
  if (request.last < Phase::Precision)
    return llvm::createStringError("--report needs the precision phase, and --stop-after=" +
                                   std::string(phaseName(request.last)) + " comes before it");
  if (options.report == "-" && writesIrToStdout())
    return llvm::createStringError(
        "--report=- and the IR of --stop-after both go to standard output; give one of them a file");
  request.report = options.report;
  request.isReportJson = options.reportFormat == ReportFormat::Json ||
                         (options.reportFormat == ReportFormat::ByName && options.report.ends_with(".json"));
  return llvm::Error::success();
}

} // namespace

std::vector<std::string> BuildRequest::writtenFiles() const {
  std::vector<std::string> paths;
  if (last < Phase::Link && irFile != "-")
    paths.push_back(irFile);
  for (const Outputs &one : outputs)
    for (std::string &path : one.paths())
      paths.push_back(std::move(path));
  return paths;
}

std::vector<const Target *> BuildRequest::levels() const {
  std::vector<const Target *> all;
  for (const TargetChoice &choice : targets)
    for (const Target *level : choice.levels)
      if (!llvm::is_contained(all, level))
        all.push_back(level);
  return all;
}

std::string BuildRequest::dumpFile(Phase phase) const {
  return llvm::formatv("{0}/{1}-{2}.mlir", dumpPhases, int(phase), phaseName(phase));
}

/// The modes that some family has kernels for.
std::vector<std::string> activationsOffered() {
  std::vector<std::string> words = {nameOf(Activations::Auto)};
  for (Activations mode : {Activations::F32, Activations::F16, Activations::I8})
    if (llvm::any_of(allBackends(), [&](const Backend *backend) {
          return llvm::is_contained(backend->modes(), phiq::symbolizeComputeMode(nameOf(mode)));
        }))
      words.push_back(nameOf(mode));
  return words;
}

llvm::Expected<BuildRequest> resolvePipeline(const Options &options) { return Resolver(options).resolve(); }

llvm::Expected<BuildRequest> resolveBuild(const Options &options) { return Resolver(options).resolveWritten(); }

llvm::Expected<BuildRequest> resolveCheck(const Options &options) { return Resolver(options).resolveFor("check"); }

} // namespace phic
