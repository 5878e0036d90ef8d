//===- Prediction.cpp - Memory and speed before building -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/report/Prediction.h"
#include "dialects/phiq/ModelFacts.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "phi/format.h"
#include "targets/Backend.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace phic {
namespace {

/// Logits (f32), then candidates and weights of the sampler, seen tokens: bytes per entry of the vocabulary
/// (runtime/Sampler.h).
constexpr uint64_t kLogitBytes = 4, kVocabBytes = kLogitBytes + 8 + 8 + 1;
/// Token ids of the sequence and of the prompt.
constexpr uint64_t kPositionBytes = 4 + 4;
/// Code, constants, stacks and the scheduler: what a program has whatever its model.
constexpr uint64_t kProgramBytes = 3 * (uint64_t(1) << 19); // measured: 1.3 MiB resident

/// Every packed weight, what lies between them, and the sums that the runtime reserves.
std::vector<MemoryBlock> blocksOf(ModuleOp module, const Prediction &prediction) {
  using Kind = MemoryBlock::Kind;
  std::vector<MemoryBlock> blocks;
  uint64_t padding = prediction.weightBytes;
  module.walk([&](Operation *op) {
    auto packed = op->getAttrOfType<plan::PackedAttr>(plan::PlanDialect::kPacked);
    if (!packed)
      return;
    blocks.push_back({Kind::Weight, "weight '" + weightName(op) + "'", packed.getBytes()});
    padding -= packed.getBytes();
  });
  auto add = [&](Kind kind, const llvm::Twine &name, uint64_t bytes) {
    if (bytes > 0)
      blocks.push_back({kind, name.str(), bytes});
  };
  add(Kind::Weight, "padding between weights", padding);
  add(Kind::Cache, "KV cache of " + llvm::Twine(prediction.context) + " tokens", prediction.kvBytes);
  add(Kind::Arena, "arena of activations", prediction.arenaBytes);
  add(Kind::Scratch,
      prediction.isHost ? "scratch of " + llvm::Twine(prediction.threads) + " threads" : llvm::Twine("workspace"),
      prediction.scratchBytes);
  add(Kind::Runtime, "tokenizer and chat template", prediction.tokenizerBytes);
  add(Kind::Runtime, prediction.runtimeText(), prediction.runtimeBytes);
  llvm::sort(blocks, [](const MemoryBlock &a, const MemoryBlock &b) {
    return std::tie(b.bytes, a.name) < std::tie(a.bytes, b.name);
  });
  return blocks;
}

StepPrediction predictStep(const std::vector<StageCost> &costs, const MachineRates &machine, const StepShape &shape) {
  StepPrediction step{shape, 0, {}, 0};
  for (const StageCost &cost : costs) {
    step.bytes += cost.bytes(shape);
    step.mulAdds += cost.mulAdds(shape);
    step.seconds += cost.leastSeconds(machine, shape);
  }
  return step;
}

} // namespace

Prediction predict(ModuleOp planned, const TargetChoice &target, const PredictionOptions &more) {
  auto memory = planned->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
  assert(memory && "the layout phase has run");
  const ModelFacts model = modelFacts(planned);
  const Backend &backend = backendOf(planned);
  Prediction p;
  p.family = backend.family().str();
  p.isHost = &backend == &hostBackend();
  p.machine = more.machine ? *more.machine : backend.referenceMachine(*levelsOf(backend, target.levels).front());
  p.threads = !p.isHost ? 1 : more.threads ? more.threads : p.machine.threads;
  p.hasSteps = plan::hasSteps(modelFunction(planned));
  p.contextMax = p.hasSteps ? model.contextMax : 1;
  p.context = std::min(p.contextMax, more.context ? more.context : int64_t(PHI_CONTEXT_DEFAULT));
  p.weightBytes = memory.getWeightsBytes();
  p.kvBytesPerToken = memory.getKvBytesPerToken();
  p.kvBytes = p.kvBytesPerToken * uint64_t(llvm::alignTo(uint64_t(p.context), uint64_t(plan::contextStepOf(planned))));
  p.arenaBytes = memory.getArenaBytes();
  p.scratchBytes = p.isHost ? memory.getScratchBytes() * uint64_t(p.threads) : backend.workspaceBytes(planned);
  p.tokenizerBytes = p.isHost ? more.tokenizerBytes : 0;
  p.runtimeBytes = p.isHost ? kProgramBytes + kVocabBytes * uint64_t(model.vocab) + kPositionBytes * uint64_t(p.context)
                            : kLogitBytes * uint64_t(model.vocab);
  p.blocks = blocksOf(planned, p);

  const std::vector<StageCost> costs = stageCosts(planned);
  p.chunkRows = int64_t(memory.getChunkRows());
  const int64_t chunk = std::min(p.chunkRows, p.context);
  p.prefill = predictStep(costs, p.machine, {chunk, /*past=*/0, /*logitRows=*/1});
  p.firstDecode = predictStep(costs, p.machine, {1, /*past=*/0, /*logitRows=*/1});
  p.decode = predictStep(costs, p.machine, {1, p.context - 1, /*logitRows=*/1});
  return p;
}

std::string bytesText(uint64_t bytes) {
  constexpr const char *kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  double value = double(bytes);
  unsigned unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit)
    value /= 1024;
  return unit == 0 ? std::to_string(bytes) + " bytes" : llvm::formatv("{0:f1} {1}", value, kUnits[unit]).str();
}

} // namespace phic
