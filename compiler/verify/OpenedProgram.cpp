//===- OpenedProgram.cpp - A program and the IR it was made from -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/OpenedProgram.h"
#include "compiler/Dialects.h"
#include "compiler/Plugin.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <nlohmann/json.hpp>

using namespace llvm;

namespace phic {
namespace {

Error error(const Twine &message) { return createStringError(inconvertibleErrorCode(), message); }

mlir::DialectRegistry makeRegistry() {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  return registry;
}

/// The IR is text that anyone could have edited: MLIR's parser and verifiers judge it, silently but for the first message.
Error parseIr(OpenedProgram &opened, const std::string &ir, const std::string &path) {
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&opened.context, [&](mlir::Diagnostic &diagnostic) {
    if (message.empty())
      message = diagnostic.str();
  });
  opened.module = mlir::parseSourceString<mlir::ModuleOp>(ir, &opened.context);
  if (!opened.module)
    return error(path + ": the IR in the manifest is damaged: " + message);
  opened.module->walk([&](plan::StageOp stage) { opened.stages.push_back(stage); });
  opened.plan.stageCount = uint32_t(opened.stages.size());
  for (plan::StageOp stage : opened.stages)
    if (!stage.getBuffers())
      return error(path + ": stage '" + stage.getName() + "' has no buffers");
  return Error::success();
}

/// The plan of that device; empty: the first.
Expected<nlohmann::json> choosePlan(const nlohmann::json &manifest, StringRef device, const std::string &path) {
  auto plans = manifest.find("plans");
  if (plans == manifest.end() || !plans->is_array() || plans->empty())
    return error(path + ": the manifest is damaged");
  std::string names;
  for (const nlohmann::json &plan : *plans) {
    if (!plan.is_object() || !plan.contains("ir") || !plan["ir"].is_string())
      return error(path + ": the manifest is damaged");
    std::string name = plan.value("device", "");
    if (device.empty() || device == name)
      return plan;
    names += (names.empty() ? "" : ", ") + name;
  }
  return error("--device=" + device + ": " + path + " has code for " + names);
}

/// What is not IR; false where it is not in the program.
bool readPlan(OpenedProgram &opened, const nlohmann::json &plan) {
  ArrayRef<uint8_t> segment = opened.program.weights();
  const uint64_t offset = plan.value("weights_offset", uint64_t(0)), bytes = plan.value("weight_bytes", uint64_t(0));
  if (offset > segment.size() || bytes > segment.size() - offset)
    return false;
  opened.weights = segment.slice(offset, bytes);
  opened.plan.device = plan.value("device", "");
  opened.plan.chunkRows = plan.value("chunk_rows", 0u);
  opened.plan.vocab = opened.program.model().vocab;
  for (const nlohmann::json &variant : plan.value("variants", nlohmann::json::array()))
    if (variant.is_string())
      opened.cpuVariants.push_back(variant);
  return opened.plan.chunkRows > 0;
}

/// Where the program itself looks for its weights.
std::string sidecarPath(StringRef program, const nlohmann::json &manifest) {
  SmallString<256> path;
  if (llvm::sys::fs::real_path(program, path))
    path = program;
  llvm::sys::path::remove_filename(path);
  auto name = manifest.find("weights_file");
  llvm::sys::path::append(path, name != manifest.end() && name->is_string() ? name->get<std::string>() : "");
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
  auto manifest = nlohmann::json::parse(program->manifest().str(), nullptr, /*allow_exceptions=*/false);
  if (!manifest.is_object())
    return error(path + ": the manifest is damaged");
  Expected<nlohmann::json> plan = choosePlan(manifest, device, path);
  if (!plan)
    return plan.takeError();
  if (!program->embedsWeights())
    if (Error failure = program->openSidecar(sidecarPath(path, manifest)))
      return std::move(failure);
  auto opened = std::make_unique<OpenedProgram>(std::move(*program), plugins);
  if (!readPlan(*opened, *plan))
    return error(path + ": the manifest is damaged");
  if (Error damaged = parseIr(*opened, (*plan)["ir"].get<std::string>(), path))
    return std::move(damaged);
  return opened;
}

} // namespace phic
