//===- Link.cpp - The last phase: a module becomes a program ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Link.h"
#include "compiler/PlanOutputs.h"
#include "compiler/Plugin.h"
#include "compiler/Progress.h"
#include "compiler/Version.h"
#include "compiler/files/InputFiles.h"
#include "compiler/import/Importer.h"
#include "compiler/link/Linker.h"
#include "compiler/manifest/Manifest.h"
#include "compiler/weights/WeightPacker.h"
#include "compiler/weights/WeightStore.h"
#include "dialects/phiq/ModelFacts.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/plan/Plan.h"
#include "passes/precision/PrecisionReport.h"
#include "targets/Target.h"
#include "targets/cpu/code/Codegen.h"
#include "targets/cpu/regions/RegionCode.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include <map>

using namespace mlir;

namespace phic {
namespace {

/// Of an attribute of the module; none if it has no such attribute.
std::vector<std::string> stringsOf(ModuleOp module, StringRef name) {
  std::vector<std::string> strings;
  if (auto array = module->getAttrOfType<ArrayAttr>(name))
    for (auto string : array.getAsRange<StringAttr>())
      strings.push_back(string.str());
  return strings;
}

phi_stage_output arenaOutput(plan::BufferAttr buffer) {
  uint32_t space = buffer.getSpace() == "logits" ? PHI_SPACE_LOGITS : PHI_SPACE_ARENA;
  return {space, uint32_t(buffer.getRowBytes()), buffer.getOffset(), /*strips=*/0, /*group=*/0};
}

/// Keys and values that a stage appends are outputs too: `phic verify` wants to see them.
void addCacheOutputs(plan::StageOp stage, ModuleOp module, std::vector<phi_stage_output> &outputs) {
  for (auto append : stage.getBody().getOps<phiq::CacheAppendOp>()) {
    auto cache = module.lookupSymbol<phiq::CacheOp>(append.getCache());
    uint32_t rowBytes =
        uint32_t(cache.getHeads() * cache.getHeadDim() * cache.getElement().getIntOrFloatBitWidth() / 8);
    auto offset = [&](StringRef key) { return uint64_t(cast<IntegerAttr>(cache->getAttr(key)).getInt()); };
    constexpr uint32_t kGroup = 8; // of tokens, as keys lie
    outputs.push_back({PHI_SPACE_KV_KEY, rowBytes, offset("plan.key_offset"), uint32_t(cache.getHeads()), kGroup});
    outputs.push_back({PHI_SPACE_KV_VALUE, rowBytes, offset("plan.value_offset"), uint32_t(cache.getHeads()), kGroup});
  }
}

std::vector<StageData> stagesOf(ModuleOp module) {
  std::vector<StageData> stages;
  module.walk([&](plan::StageOp stage) {
    StageData data{stage.getName().str(), {}, stage->hasAttr("logit_rows")};
    for (Attribute buffer : stage.getBuffersAttr())
      data.outputs.push_back(arenaOutput(cast<plan::BufferAttr>(buffer)));
    addCacheOutputs(stage, module, data.outputs);
    stages.push_back(std::move(data));
  });
  return stages;
}

/// A session has one scratch memory, whichever level runs.
uint64_t mostScratchBytes(llvm::ArrayRef<const LevelModule *> levels) {
  uint64_t most = 0;
  for (const LevelModule *level : levels)
    most =
        std::max(most, (*level->module)->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory).getScratchBytes());
  return most;
}

PlanData planOf(ModuleOp module, llvm::ArrayRef<const LevelModule *> levels) {
  auto memory = module->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
  PlanData plan;
  plan.family = "cpu";
  plan.weightsBytes = memory.getWeightsBytes();
  plan.arenaBytes = memory.getArenaBytes();
  plan.scratchBytes = mostScratchBytes(levels);
  plan.stateBytesPerToken = memory.getKvBytesPerToken();
  plan.chunkRows = uint32_t(memory.getChunkRows());
  plan.stages = stagesOf(module);
  return plan;
}

ModelData modelDataOf(ModuleOp module, llvm::ArrayRef<const LevelModule *> levels) {
  ModelFacts facts = modelFacts(module);
  ModelData data;
  data.name = facts.name;
  data.phicVersion = PHIC_VERSION;
  data.vocab = uint32_t(facts.vocab);
  data.contextMax = uint32_t(facts.contextMax);
  data.contextDefault = std::min<uint32_t>(data.contextMax, 4096);
  data.ropeSwitch = uint32_t(facts.ropeSwitch);
  data.prunedHead = facts.prunedHead;
  data.plans = {planOf(module, levels)};
  data.weightsBytes = data.plans.front().weightsBytes;
  data.stopIds = facts.stopIds;
  const SamplingDefaults &sampling = facts.sampling;
  data.generation = {sampling.temperature, sampling.topP, sampling.minP, int32_t(sampling.topK),
                     sampling.repetitionPenalty};
  for (const LevelModule *level : levels) {
    std::string isa(level->target->isa);
    data.variants.push_back({std::string(level->target->name), level->target->features, "phi_decode_" + isa,
                             "phi_verify_" + isa, "phi_prefill_" + isa});
  }
  return data;
}

ExitCode report(llvm::raw_ostream &log, llvm::Error error, ExitCode code) {
  log << "phic: error: " << llvm::toString(std::move(error)) << "\n";
  return code;
}

/// Code that a plugin was to build is not phic's fault.
ExitCode reportCode(llvm::raw_ostream &log, llvm::Error error) {
  ExitCode code = error.isA<PluginRegionError>() ? kExitModel : kExitInternal;
  return report(log, std::move(error), code);
}

/// The tokenizer's tables; a model without one builds, and says what its program cannot do.
llvm::Error addTokenizer(const ModelPath &model, ModelData &data, InputFiles &inputs, llvm::raw_ostream &log) {
  llvm::Expected<CompiledTokenizer> tokenizer = model.importer->tokenizer(model, &inputs);
  if (!tokenizer)
    return tokenizer.takeError();
  for (const std::string &warning : tokenizer->warnings)
    log << "phic: warning: " << warning << "\n";
  if (llvm::Error failure = checkVocabulary(*tokenizer, data.vocab))
    return failure;
  data.tokenizer.assign(tokenizer->tables.begin(), tokenizer->tables.end());
  data.chat.assign(tokenizer->chat.begin(), tokenizer->chat.end());
  for (int32_t id : tokenizer->stopIds)
    if (!llvm::is_contained(data.stopIds, id))
      data.stopIds.push_back(id);
  return llvm::Error::success();
}

/// How many matmuls compute in which mode: what --act came to.
std::string computeModes(ModuleOp module) {
  std::map<std::string, int> modes;
  module.walk([&](phiq::MatmulOp matmul) { ++modes[matmul.getCompute().value_or("f32").str()]; });
  std::string text;
  for (auto &[mode, count] : modes)
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " in " + mode;
  return text;
}

void summarize(llvm::raw_ostream &log, ModuleOp module, const ModelData &data, const Outputs &outputs,
               const Options &options) {
  auto mib = [](uint64_t bytes) { return llvm::format("%.1f MiB", double(bytes) / (1 << 20)); };
  const PlanData &plan = data.plans[data.variants.front().plan];
  log << "phic: wrote " << llvm::join(outputs.paths(), ", ") << ": " << data.name << ", " << plan.stages.size()
      << " stages, matmuls " << computeModes(module) << " (--act=" << options.activations << "), KV cache "
      << options.kvCache << " of " << mib(plan.stateBytesPerToken * data.contextDefault) << " at "
      << data.contextDefault << " tokens, weights " << mib(data.weightsBytes) << ", arena " << mib(plan.arenaBytes)
      << "\n";
  if (std::string conversions = collectPrecision(module).conversions(); !conversions.empty())
    log << "phic: " << conversions << "\n";
}

} // namespace

ExitCode linkModel(llvm::ArrayRef<const LevelModule *> levels, const ModelPath &model, const Options &options,
                   InputFiles &inputs, OutputFiles &planned, llvm::raw_ostream &log) {
  const System *system = systemByName(options.target);
  assert(system && !levels.empty() && "chosen together");
  ModuleOp module = *levels.front()->module; // what is asked of it below is the same for all
  auto outputs = planOutputs(options);
  if (!outputs)
    return report(log, outputs.takeError(), kExitUsage);
  auto store = WeightStore::open(model.directory, stringsOf(module, phiq::PhiqDialect::kFiles));
  if (!store)
    return report(log, store.takeError(), kExitModel);

  ProgramParts parts;
  parts.system = system;
  parts.model = modelDataOf(module, levels);
  parts.model.sidecar = llvm::sys::path::filename(outputs->weightsPath).str();
  if (llvm::Error error = addTokenizer(model, parts.model, inputs, log))
    return report(log, std::move(error), kExitModel);
  ManifestFacts facts;
  facts.target = options.target;
  facts.activations = options.activations;
  facts.kvCache = options.kvCache;
  facts.precision = options.precision.str();
  facts.plugins = stringsOf(module, kPlugins);
  facts.tokenizerBytes = parts.model.tokenizer.size() + parts.model.chat.size();
  facts.weightsFile = parts.model.sidecar;
  facts.weightsBytes = parts.model.weightsBytes;
  const PlanData &plan = parts.model.plans.front();
  facts.plans.push_back({plan.family, plan.weightsOffset, plan.scratchBytes, {}});
  for (const LevelModule *level : levels)
    facts.plans.back().levels.push_back({std::string(level->target->name), *level->module});
  parts.manifest = makeManifest(facts);

  std::vector<llvm::SmallVector<char, 0>> objects;
  for (const LevelModule *level : levels) {
    auto object = emitCode(*level->module, asCpuLevel(*level->target), CodeKind::Object, system->triple);
    if (!object)
      return reportCode(log, object.takeError());
    objects.push_back(std::move(*object));
  }
  parts.objects.assign(objects.begin(), objects.end());
  bool isModelsFault = false;
  auto write = [&](WeightSink &sink) {
    Progress progress("packing weights", parts.model.weightsBytes, options.quiet);
    llvm::Error failure = packWeights(module, **store, sink, [&](uint64_t written) { progress(written); });
    // The output's failures carry the system's code; other ones are of the model's files.
    return llvm::handleErrors(std::move(failure), [&](std::unique_ptr<llvm::ErrorInfoBase> info) {
      isModelsFault |= info->convertToErrorCode() == llvm::inconvertibleErrorCode();
      return llvm::Error(std::move(info));
    });
  };
  parts.writeWeights = write;
  if (llvm::Error error = linkOutputs(parts, *outputs, planned))
    return report(log, std::move(error), isModelsFault ? kExitModel : kExitUsage);
  if (!options.quiet)
    summarize(log, module, parts.model, *outputs, options);
  return kExitSuccess;
}

} // namespace phic
