//===- OpenedProgram.cpp - A program and the IR it was made from -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/OpenedProgram.h"
#include "compiler/Dialects.h"
#include "compiler/Pipeline.h"
#include "compiler/Plugin.h"
#include "compiler/manifest/ReadManifest.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "targets/Backend.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace phic {
namespace {

Error error(const Twine &message) { return createStringError(inconvertibleErrorCode(), message); }

mlir::DialectRegistry makeRegistry() {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  return registry;
}

/// The IR is text that anyone could have edited: MLIR's parser and verifiers judge it, and phic's own of the phases that it
/// has been through, silently but for the first message.
Error parseIr(OpenedProgram &opened, const std::string &ir, const std::string &path) {
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&opened.context, [&](mlir::Diagnostic &diagnostic) {
    if (message.empty())
      message = diagnostic.str();
  });
  opened.module = mlir::parseSourceString<mlir::ModuleOp>(ir, &opened.context);
  if (!opened.module)
    return error(path + ": the IR in the manifest is damaged: " + message);
  mlir::PassManager checks(&opened.context);
  addEntryChecks(checks, Phase::Kernels, backendOf(*opened.module).levels().front());
  if (failed(checks.run(*opened.module)))
    return error(path + ": the IR in the manifest is damaged: " + message);
  auto memory = opened.module->getOperation()->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
  if (memory.getWeightsBytes() > opened.weights.size())
    return error(path + ": the IR in the manifest is damaged: it has more weights than the program");
  opened.module->walk([&](plan::StageOp stage) { opened.stages.push_back(stage); });
  opened.plan.stageCount = uint32_t(opened.stages.size());
  return Error::success();
}

/// The plan of that device; empty: the first.
Expected<Json> choosePlan(const Json &manifest, StringRef device, const std::string &path) {
  const Json &plans = listIn(manifest, "plans");
  if (plans.empty())
    return error(path + ": the manifest is damaged: it has no plans");
  std::string names;
  for (const Json &plan : plans) {
    std::string name = stringOr(plan, "device", "");
    if (device.empty() || device == name)
      return plan;
    names += (names.empty() ? "" : ", ") + name;
  }
  return createStringError(std::make_error_code(std::errc::invalid_argument),
                           "--device=" + device + ": " + path + " has code for " + names);
}

/// What is not IR; false where it is not in the program.
bool readPlan(OpenedProgram &opened, const Json &plan) {
  ArrayRef<uint8_t> segment = opened.program.weights();
  const uint64_t offset = integerOr(plan, "weights_offset", uint64_t(0)),
                 bytes = integerOr(plan, "weight_bytes", uint64_t(0));
  if (offset > segment.size() || bytes > segment.size() - offset)
    return false;
  opened.weights = segment.slice(offset, bytes);
  opened.plan.device = stringOr(plan, "device", "");
  opened.plan.chunkRows = integerOr(plan, "chunk_rows", 0u);
  opened.plan.vocab = opened.program.model().vocab;
  for (const Json &variant : listIn(plan, "variants"))
    opened.cpuVariants.push_back(variant);
  return opened.plan.chunkRows > 0;
}

/// Where the program itself looks for its weights.
std::string sidecarPath(StringRef program, const Json &manifest) {
  SmallString<256> path;
  if (llvm::sys::fs::real_path(program, path))
    path = program;
  llvm::sys::path::remove_filename(path);
  llvm::sys::path::append(path, stringOr(manifest, "weights_file", ""));
  return path.str().str();
}

} // namespace

OpenedProgram::OpenedProgram(ProgramFile program, const PluginRegistry &plugins)
    : program(std::move(program)), context(makeRegistry()) {
  context.loadAllAvailableDialects();
  plugins.addTo(context);
}

Expected<std::unique_ptr<OpenedProgram>> openProgram(const std::string &path, StringRef verb,
                                                     const PluginRegistry &plugins, StringRef device) {
  Expected<ProgramFile> program = ProgramFile::open(path);
  if (!program)
    return program.takeError();
  if (program->kind() != ProgramFile::Kind::Program)
    return error(path + ": a library does not run by itself; phic " + verb + " wants the program of --emit=exe");
  Expected<Json> manifest = readManifest(program->manifest(), path);
  if (!manifest)
    return manifest.takeError();
  Expected<Json> plan = choosePlan(*manifest, device, path);
  if (!plan)
    return plan.takeError();
  if (!program->embedsWeights())
    if (Error failure = program->openSidecar(sidecarPath(path, *manifest)))
      return std::move(failure);
  auto opened = std::make_unique<OpenedProgram>(std::move(*program), plugins);
  if (!readPlan(*opened, *plan))
    return error(path + ": the manifest is damaged");
  if (Error damaged = parseIr(*opened, stringOr(*plan, "ir", ""), path))
    return std::move(damaged);
  return opened;
}

ExitCode tellFailure(Error failure, raw_ostream &log) {
  ExitCode code = kExitModel;
  handleAllErrors(std::move(failure), [&](const ErrorInfoBase &error) {
    code = error.convertToErrorCode() == std::errc::invalid_argument ? kExitUsage : kExitModel;
    log << "phic: error: " << error.message() << "\n";
  });
  return code;
}

} // namespace phic
