//===- Manifest.cpp - What a program says about itself ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/manifest/Manifest.h"
#include "compiler/Version.h"
#include "compiler/manifest/Entries.h"
#include "dialects/phiq/ModelFacts.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Plan.h"
#include "passes/precision/PrecisionReport.h"
#include "targets/Backend.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/Compression.h"

using namespace mlir;

namespace phic {
namespace {

std::string formatName(ShapedType type) {
  if (auto block = dyn_cast<phiq::BlockType>(type.getElementType()))
    return block.getFormat().str();
  std::string text;
  llvm::raw_string_ostream(text) << type.getElementType();
  return text;
}

double bitsPerWeight(ShapedType type) {
  if (auto block = dyn_cast<phiq::BlockType>(type.getElementType()))
    return block.getFormat().bitsPerWeight();
  return type.getElementTypeBitWidth();
}

Json formatsOf(ModuleOp module) {
  std::map<std::string, std::array<double, 3>> formats;  // tensors, weights, bits per weight
  module.walk([&](phiq::WeightOp weight) {
    auto type = cast<ShapedType>(weight.getType());
    auto &row = formats[formatName(type)];
    row = {row[0] + 1, row[1] + double(type.getNumElements()), bitsPerWeight(type)};
  });
  Json json = Json::object();
  for (auto &[name, row] : formats)
    json[name] = {{"tensors", int64_t(row[0])}, {"weights", int64_t(row[1])}, {"bits_per_weight", row[2]}};
  return json;
}

void addKernels(const ManifestFacts::Level &level, Json &kernels) {
  ModuleOp module = level.module;
  module.walk([&](plan::StageOp stage) {
    if (!stage.getKernels())
      return;
    for (NamedAttribute kernel : stage.getKernelsAttr()) {
      StringRef symbol = cast<FlatSymbolRefAttr>(kernel.getValue()).getValue();
      kernels.push_back({{"cpu_variant", level.name},
                         {"stage", stage.getName().str()},
                         {"entry", kernel.getName().str()},
                         {"symbol", symbol.str()},
                         {"generator", backendOf(module).generatorOf(module, symbol)}});
    }
  });
}

/// A backend may keep code in attributes of its dialect.
void removeCode(Operation *op, StringRef prefix) {
  for (NamedAttribute attribute : llvm::to_vector(op->getDiscardableAttrs()))
    if (attribute.getName().strref().starts_with(prefix))
      op->removeDiscardableAttr(attribute.getName());
}

/// The module as the layout phase left it: the stages' meaning and places, without code. Made from the last
/// phase's module, so that it does not matter with which phase a build began.
std::string plannedIr(ModuleOp module) {
  OwningOpRef<ModuleOp> plan = ModuleOp::create(module.getLoc());
  (*plan)->setAttrs(module->getAttrDictionary());
  (*plan)->removeAttr(plan::PlanDialect::kLevel);
  const std::string ofBackend = (backendOf(module).family() + ".").str();
  removeCode(*plan, ofBackend);
  OpBuilder builder(plan->getBodyRegion());
  for (Operation &op : *module.getBody())
    if (isa<phiq::CacheOp>(op) || &op == modelFunction(module)) // the rest is what kernels are made of
      builder.clone(op);
  plan->walk([&](plan::StageOp stage) {
    removeCode(stage, ofBackend);
    stage.removeKernelsAttr();
    stage.removeTilesAttr();
  });
  std::string text;
  llvm::raw_string_ostream os(text);
  plan->print(os, OpPrintingFlags().enableDebugInfo(/*enable=*/true, /*prettyForm=*/false));
  return text;
}

/// What was asked of the weights, and what that cost each of those it changed.
void addPrecision(ModuleOp module, const std::string &asked, Json &json) {
  const PrecisionReport report = collectPrecision(module);
  json["bits_per_weight"] = report.meanBitsPerWeight();
  if (!report.converted())
    return;
  json["precision"] = asked;
  json["conversions"] = report.conversions();
  Json weights = Json::array();
  for (const PrecisionReport::Weight &weight : report.weights)
    if (weight.error)
      weights.push_back({{"name", weight.name},
                         {"stored_format", weight.stored},
                         {"format", weight.format},
                         {"method", weight.method},
                         {"relative_rms", weight.error->relativeRms},
                         {"greatest", weight.error->greatest}});
  json["converted_weights"] = weights;
}

/// As readPackedText reads it.
std::string packText(llvm::StringRef text) {
  llvm::SmallVector<uint8_t, 0> packed;
  llvm::compression::zlib::compress(llvm::arrayRefFromStringRef(text), packed,
                                    llvm::compression::zlib::BestSizeCompression);
  return std::to_string(text.size()) + ":" + llvm::encodeBase64(packed);
}

Json planFacts(const ManifestFacts::Plan &plan, Json &kernels) {
  ModuleOp module = plan.levels.front().module;
  auto memory = module->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
  assert(memory && "the layout phase has run");
  Json json = {{"device", plan.family}, {"variants", Json::array()}};
  for (const ManifestFacts::Level &level : plan.levels)
    json["variants"].push_back(level.name);
  json["weights_offset"] = plan.weightsOffset;
  json["weight_bytes"] = memory.getWeightsBytes();
  json["arena_bytes"] = memory.getArenaBytes();
  json["scratch_bytes"] = plan.scratchBytes;
  json["kv_bytes_per_token"] = memory.getKvBytesPerToken();
  json["chunk_rows"] = memory.getChunkRows();
  // The host's is there to read; others differ from it in little, and are packed.
  Json text = {{"ir", plannedIr(module)}, {"kernels", Json::array()}};
  for (const ManifestFacts::Level &level : plan.levels)
    addKernels(level, text["kernels"]);
  if (plan.family == hostBackend().family()) {
    json["ir"] = text["ir"];
    kernels = text["kernels"];
  } else {
    json["packed"] = packText(printJson(text, /*indent=*/-1));
  }
  return json;
}

} // namespace

std::string makeManifest(const ManifestFacts &facts) {
  ModuleOp module = facts.plans.front().levels.front().module;
  const ModelFacts model = modelFacts(module);
  auto files = module->getAttrOfType<ArrayAttr>(phiq::PhiqDialect::kFiles);
  assert(files && "importers write it");
  Json json;
  json["phic"] = PHIC_VERSION;
  json["name"] = model.name;
  json["target"] = facts.target;
  json["cpu_variants"] = Json::array();
  json["kernels"] = Json::array();
  json["act"] = facts.activations;
  json["kv"] = facts.kvCache;
  addPrecision(module, facts.precision, json);
  if (!facts.weightsFile.empty())
    json["weights_file"] = facts.weightsFile;
  if (!facts.plugins.empty())
    json["plugins"] = facts.plugins;
  json["weight_bytes"] = facts.weightsBytes;
  json["tokenizer_bytes"] = facts.tokenizerBytes;
  json["vocab"] = model.vocab;
  json["context_max"] = model.contextMax;
  json["entries"] = Json::array();
  for (const EntryData &entry : entriesOf(module))
    json["entries"].push_back(
        {{"name", entry.name}, {"most_rows", entry.mostRows}, {"bindings", bindingsJson(entry.bindings)}});
  json["formats"] = formatsOf(module);
  for (const ManifestFacts::Plan &plan : facts.plans)
    for (const ManifestFacts::Level &level : plan.levels)
      if (plan.family == hostBackend().family())
        json["cpu_variants"].push_back(level.name);
  json["files"] = Json::array();
  for (Attribute file : files)
    json["files"].push_back(cast<StringAttr>(file).getValue().str());
  json["plans"] = Json::array();
  for (const ManifestFacts::Plan &plan : facts.plans)
    json["plans"].push_back(planFacts(plan, json["kernels"]));
  return printJson(json, /*indent=*/-1);
}

} // namespace phic
