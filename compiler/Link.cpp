//===- Link.cpp - The last phase: a module becomes a program ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Link.h"
#include "compiler/Plugin.h"
#include "compiler/Version.h"
#include "compiler/link/Linker.h"
#include "compiler/manifest/Entries.h"
#include "compiler/manifest/Manifest.h"
#include "compiler/messages/Progress.h"
#include "compiler/tokenizer/Tokenizer.h"
#include "compiler/weights/WeightPacker.h"
#include "compiler/weights/WeightStore.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/ModelFacts.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/plan/Plan.h"
#include "passes/precision/PrecisionReport.h"
#include "llvm/ADT/DenseSet.h"
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

phi_stage_output outputOf(plan::StageOp stage, unsigned result) {
  auto buffer = cast<plan::BufferAttr>((*stage.getBuffers())[result]);
  auto type = cast<RankedTensorType>(stage.getResult(result).getType());
  uint16_t space = buffer.getSpace() == plan::Space::Binding ? PHI_SPACE_BINDING : PHI_SPACE_ARENA;
  uint32_t rows = type.getRank() == 0 ? 1 : type.isDynamicDim(0) ? 0 : uint32_t(type.getDimSize(0));
  return {space, /*group=*/0, uint32_t(buffer.getRowBytes()), buffer.getOffset(), /*strips=*/0, rows};
}

/// Keys and values that a stage appends are outputs too: `phic verify` wants to see them.
void addCacheOutputs(plan::StageOp stage, ModuleOp module, std::vector<phi_stage_output> &outputs) {
  for (auto append : stage.getBody().getOps<phiq::CacheAppendOp>()) {
    auto cache = module.lookupSymbol<phiq::CacheOp>(append.getCache());
    uint32_t rowBytes =
        uint32_t(cache.getHeads() * cache.getHeadDim() * cache.getElement().getIntOrFloatBitWidth() / 8);
    auto offset = [&](StringRef key) { return uint64_t(cast<IntegerAttr>(cache->getAttr(key)).getInt()); };
    auto layout = cache->getAttrOfType<plan::CacheLayoutAttr>(plan::PlanDialect::kCacheLayout);
    const auto strips = uint32_t(layout.getStrips());
    outputs.push_back(
        {PHI_SPACE_KV_KEY, uint16_t(layout.getKeyGroup()), rowBytes, offset("plan.key_offset"), strips, 0});
    outputs.push_back(
        {PHI_SPACE_KV_VALUE, uint16_t(layout.getValueGroup()), rowBytes, offset("plan.value_offset"), strips, 0});
  }
}

std::vector<StageData> stagesOf(ModuleOp module) {
  std::vector<StageData> stages;
  module.walk([&](plan::StageOp stage) {
    StageData data{stage.getName().str(), {}, stage->hasAttr("logit_rows")};
    for (unsigned i = 0; i < stage.getNumResults(); ++i)
      data.outputs.push_back(outputOf(stage, i));
    addCacheOutputs(stage, module, data.outputs);
    stages.push_back(std::move(data));
  });
  return stages;
}

/// A session has one scratch memory, whichever level runs.
uint64_t mostScratchBytes(const FamilyCode &family) {
  uint64_t most = 0;
  for (const LevelModule *level : family.levels)
    most =
        std::max(most, (*level->module)->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory).getScratchBytes());
  return most;
}

PlanData planOf(const FamilyCode &family, uint64_t weightsOffset) {
  ModuleOp module = family.plan();
  auto memory = module->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
  PlanData plan;
  plan.family = family.backend->family();
  plan.weightsOffset = weightsOffset;
  plan.weightsBytes = memory.getWeightsBytes();
  plan.arenaBytes = memory.getArenaBytes();
  plan.scratchBytes = mostScratchBytes(family);
  plan.stateBytesPerToken = memory.getKvBytesPerToken();
  plan.chunkRows = uint32_t(memory.getChunkRows());
  plan.contextStep = uint32_t(plan::contextStepOf(module));
  plan.stages = stagesOf(module);
  return plan;
}

/// Where the weights and tables of a module lie, and how.
llvm::SmallVector<Attribute> packingOf(ModuleOp module) {
  llvm::SmallVector<Attribute> packing;
  module.walk([&](Operation *op) {
    if (Attribute packed = op->getAttr(plan::PlanDialect::kPacked))
      packing.push_back(packed);
  });
  return packing;
}

/// The first family whose packed copy is the same as that of family `which`: the program holds that one.
size_t firstPackedAlike(llvm::ArrayRef<FamilyCode> families, size_t which) {
  const llvm::SmallVector<Attribute> packing = packingOf(families[which].plan());
  size_t first = 0;
  while (first < which && packingOf(families[first].plan()) != packing)
    ++first;
  return first;
}

ModelData modelDataOf(llvm::ArrayRef<FamilyCode> families, uint64_t pageBytes) {
  ModelFacts facts = modelFacts(families.front().plan()); // the same for all
  ModelData data;
  data.name = facts.name;
  data.phicVersion = PHIC_VERSION;
  data.vocab = uint32_t(facts.vocab);
  data.contextMax = uint32_t(facts.contextMax);
  data.contextDefault = std::min(data.contextMax, PHI_CONTEXT_DEFAULT);
  data.ropeSwitch = uint32_t(facts.ropeSwitch);
  data.prunedHead = facts.prunedHead;
  for (size_t i = 0; i < families.size(); ++i) {
    const size_t first = firstPackedAlike(families, i);
    const uint64_t end = llvm::alignTo(data.weightsBytes, pageBytes);
    data.plans.push_back(planOf(families[i], first < i ? data.plans[first].weightsOffset : end));
    data.weightsBytes = std::max(data.weightsBytes, data.plans.back().weightsOffset + data.plans.back().weightsBytes);
  }
  data.stopIds = facts.stopIds;
  const SamplingDefaults &sampling = facts.sampling;
  data.generation = {sampling.temperature, sampling.topP, sampling.minP, int32_t(sampling.topK),
                     sampling.repetitionPenalty};
  data.entries = entriesOf(families.front().plan());
  return data;
}

/// Of linking: what the user asked for and the system refused carries a code, the weights' faults are known, the rest is
/// phic's own.
ExitCode reportLinking(llvm::raw_ostream &log, llvm::Error error, bool isModelsFault) {
  ExitCode code = isModelsFault ? kExitModel : kExitUsage;
  llvm::handleAllErrors(std::move(error), [&](const llvm::ErrorInfoBase &info) {
    log << "phic: error: " << info.message() << "\n";
    if (!isModelsFault && info.convertToErrorCode() == llvm::inconvertibleErrorCode())
      code = kExitInternal;
  });
  return code;
}

ExitCode report(llvm::raw_ostream &log, llvm::Error error, ExitCode code) {
  log << "phic: error: " << llvm::toString(std::move(error)) << "\n";
  return code;
}

/// Code that a plugin was to build is not phic's fault.
ExitCode reportCode(llvm::raw_ostream &log, llvm::Error error) {
  ExitCode code = error.isA<PluginCodeError>() ? kExitModel : kExitInternal;
  return report(log, std::move(error), code);
}

void addTokenizer(const CompiledTokenizer &tokenizer, ModelData &data) {
  data.tokenizer.assign(tokenizer.tables.begin(), tokenizer.tables.end());
  data.chat.assign(tokenizer.chat.begin(), tokenizer.chat.end());
  const llvm::DenseSet<int32_t> known(data.stopIds.begin(), data.stopIds.end());
  llvm::copy_if(tokenizer.stopIds, std::back_inserter(data.stopIds), [&](int32_t id) { return !known.contains(id); });
}

/// A program makes its tokens' embeddings from nothing: only who links a library can bring them.
llvm::Error checkProgram(const ModelData &model, const Outputs &outputs) {
  auto takesEmbeddings = [](const BindingData &b) { return b.kind == PHI_INPUT && b.element == PHI_F32; };
  bool isProgram = llvm::any_of(outputs.files, [](const EmittedFile &file) { return file.kind == EmitKind::Exe; });
  if (!isProgram || !model.hasSteps() || llvm::none_of(model.entries.front().bindings, takesEmbeddings))
    return llvm::Error::success();
  return llvm::createStringError("this model takes embeddings, not token ids; a program has none, a library is given "
                                 "them: --emit=lib,header");
}

/// How many compute in which mode; nothing without any.
std::string modesText(StringRef what, const std::map<std::string, int> &modes, const llvm::Twine &why) {
  std::string text;
  for (auto &[mode, count] : modes)
    text += (text.empty() ? what.str() + " " : ", ") + std::to_string(count) + " in " + mode;
  return text.empty() ? "" : (text + why + ", ").str();
}

/// Of matmuls what --act came to, of contractions what the graph says.
std::string computeModes(ModuleOp module, const llvm::Twine &act) {
  std::map<std::string, int> matmuls, contractions;
  module.walk([&](Operation *op) {
    if (auto matmul = dyn_cast<phiq::MatmulOp>(op))
      ++matmuls[stringifyComputeMode(matmul.getCompute().value_or(phiq::ComputeMode::F32)).str()];
    if (auto contract = dyn_cast<phiq::ContractOp>(op))
      ++contractions[contract.isFloat() ? "f32" : "i8"];
  });
  return modesText("matmuls", matmuls, act) + modesText("contractions", contractions, "");
}

void summarize(llvm::raw_ostream &log, ModuleOp module, const ModelData &data, const Outputs &outputs,
               const BuildRequest &request) {
  auto mib = [](uint64_t bytes) { return llvm::format("%.1f MiB", double(bytes) / (1 << 20)); };
  const PlanData &plan = data.plans.front();
  log << "phic: wrote " << llvm::join(outputs.paths(), ", ") << ": " << data.name << ", " << plan.stages.size()
      << " stages, " << computeModes(module, " (--act=" + llvm::Twine(nameOf(request.activations)) + ")");
  if (data.hasSteps())
    log << "KV cache " << nameOf(request.kvCache) << " of " << mib(plan.stateBytesPerToken * data.contextDefault)
        << " at " << data.contextDefault << " tokens, ";
  log << "weights " << mib(data.weightsBytes) << ", arena " << mib(plan.arenaBytes) << "\n";
  if (std::string conversions = collectPrecision(module).conversions(); !conversions.empty())
    log << "phic: " << conversions << "\n";
}

/// The code of a family's levels, and what the program says of them: `objects` are to be linked.
llvm::Error addCode(const FamilyCode &family, size_t plan, ProgramParts &parts, std::vector<LevelCode> &objects) {
  for (const LevelModule *level : family.levels) {
    llvm::Expected<LevelCode> code = family.backend->emitCode(*level->module, *level->target, *parts.system);
    if (!code)
      return code.takeError();
    parts.wantsLoader |= family.backend->wantsLoader();
    VariantData variant{std::string(level->target->name), level->target->features, code->entries};
    variant.plan = plan;
    variant.blob.assign(code->blob.begin(), code->blob.end());
    if (!code->object.empty())
      objects.push_back(std::move(*code));
    parts.model.variants.push_back(std::move(variant));
  }
  return llvm::Error::success();
}

/// All of them. The CPU's variants come last: they run where a device is missing.
llvm::Error addCode(llvm::ArrayRef<FamilyCode> families, ProgramParts &parts, std::vector<LevelCode> &objects) {
  for (size_t plan = 1; plan < families.size(); ++plan)
    if (llvm::Error error = addCode(families[plan], plan, parts, objects))
      return error;
  return addCode(families.front(), /*plan=*/0, parts, objects);
}

} // namespace

ExitCode linkModel(const LinkTask &task, const ModelParts &model, const BuildRequest &request, OutputFiles &planned,
                   llvm::raw_ostream &log) {
  const auto &[system, families, outputs] = task;
  assert(system && !families.empty() && "chosen together");
  ModuleOp module = families.front().plan(); // what is asked of it below is the same for all
  ProgramParts parts;
  parts.system = system;
  parts.model = modelDataOf(families, system->pageBytes);
  parts.model.sidecar = llvm::sys::path::filename(outputs.weightsPath).str();
  if (parts.model.hasSteps()) {
    if (llvm::Error error = checkVocabulary(model.tokenizer, parts.model.vocab))
      return report(log, std::move(error), kExitModel);
    addTokenizer(model.tokenizer, parts.model);
  }
  if (llvm::Error error = checkProgram(parts.model, outputs))
    return report(log, std::move(error), kExitUsage);
  ManifestFacts facts;
  facts.target = system->name;
  facts.activations = nameOf(request.activations);
  facts.kvCache = nameOf(request.kvCache);
  facts.precision = request.precision.str();
  facts.plugins = stringsOf(module, kPlugins);
  facts.tokenizerBytes = parts.model.tokenizer.size() + parts.model.chat.size();
  facts.weightsFile = parts.model.sidecar;
  facts.weightsBytes = parts.model.weightsBytes;
  for (auto [family, plan] : llvm::zip_equal(families, parts.model.plans)) {
    facts.plans.push_back({plan.family, plan.weightsOffset, plan.scratchBytes, {}});
    for (const LevelModule *level : family.levels)
      facts.plans.back().levels.push_back({std::string(level->target->name), *level->module});
  }
  parts.manifest = makeManifest(facts);

  std::vector<LevelCode> objects;
  if (llvm::Error error = addCode(families, parts, objects))
    return reportCode(log, std::move(error));
  for (const LevelCode &code : objects)
    parts.objects.push_back(code.object);
  bool isModelsFault = false;
  auto write = [&](WeightSink &sink) {
    Progress progress("packing weights", parts.model.weightsBytes, request.quiet);
    llvm::Error failure = llvm::Error::success();
    for (auto [family, plan] : llvm::zip_equal(families, parts.model.plans))
      if (!failure && plan.weightsOffset + plan.weightsBytes > sink.position()) // else it has another family's copy
        failure = packWeights(
            family.plan(), model.weights, sink, plan.weightsOffset, [&](uint64_t written) { progress(written); },
            request.allowNonFinite ? NonFinite::Keep : NonFinite::Refuse);
    // The output's failures carry the system's code; other ones are of the model's files.
    return llvm::handleErrors(std::move(failure), [&](std::unique_ptr<llvm::ErrorInfoBase> info) {
      isModelsFault |= info->convertToErrorCode() == llvm::inconvertibleErrorCode();
      return llvm::Error(std::move(info));
    });
  };
  parts.writeWeights = write;
  if (llvm::Error error = linkOutputs(parts, outputs, planned))
    return reportLinking(log, std::move(error), isModelsFault);
  if (!request.quiet)
    summarize(log, module, parts.model, outputs, request);
  return kExitSuccess;
}

} // namespace phic
