//===- Pipeline.cpp - Which passes each phase runs -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One line a pass. passes/Passes.td says what each does, and in the same order.
//===----------------------------------------------------------------------===//
#include "compiler/Pipeline.h"
#include "compiler/Plugin.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"
#include "targets/cpu/Passes.h"

using namespace mlir;

namespace phic {
namespace {

void addCanonicalize(OpPassManager &passes) {
  passes.addPass(createFoldSpellingsPass());
  passes.addPass(createFoldEqualWeightsPass()); // before CSE, which does not see that two names are one weight
  passes.addPass(createCSEPass());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createPropagateLogitRowsPass());
  passes.addPass(createVerifyOpsPass());
}

void addQuantize(OpPassManager &passes) {
  passes.addPass(createFuseDequantizePass()); // first: it uncovers transposes of the weights themselves
  passes.addPass(createFoldTransposesPass());
  passes.addPass(createFoldEqualWeightsPass());
  passes.addPass(createFoldActivationQuantizationPass());
  passes.addPass(createPropagateLogitRowsPass()); // again: it does not pass codes, and they are gone
  passes.addPass(createVerifyQuantizedPass());
}

void addPrecision(OpPassManager &passes, const Options &options) {
  const PrecisionFlags &flags = options.precision;
  passes.addPass(createAssignPrecisionPass({flags.precision,
                                            flags.block,
                                            flags.scheme,
                                            flags.axis,
                                            flags.embeddings,
                                            flags.lmHead,
                                            {flags.rules.begin(), flags.rules.end()},
                                            flags.allowRequantize}));
  passes.addPass(createAssignComputePass({options.activations}));
  passes.addPass(createAssignKvCachePass({options.kvCache}));
}

void addFuse(OpPassManager &passes) {
  passes.addPass(createMaterializeQuantizationPass());
  passes.addPass(createFuseStagesPass());
  passes.addPass(createVerifyStagesPass());
}

void addLayout(OpPassManager &passes, const Options &options) {
  passes.addPass(createAssignPackedLayoutsPass());
  passes.addPass(createPlanMemoryPass({options.chunkRows}));
  passes.addPass(createVerifyPlanPass());
}

void addKernels(OpPassManager &passes, const Options &options, const Target &level) {
  auto tiles = options.tiles.find(level.name);
  passes.addPass(createEmitKernelsPass(
      {std::string(level.name), tiles == options.tiles.end() ? "" : tileTableText(tiles->second)}));
}

void addTarget(OpPassManager &passes, const Target &level) {
  passes.addPass(createEmitEntryPointsPass({std::string(level.name)}));
  passes.addPass(createLowerToLlvmPass());
}

} // namespace

void addPhase(OpPassManager &passes, Phase phase, const Options &options, const Target &level) {
  switch (phase) {
  case Phase::Import:
    break; // compiler/import
  case Phase::Canonicalize:
    return addCanonicalize(passes);
  case Phase::Quantize:
    return addQuantize(passes);
  case Phase::Precision:
    return addPrecision(passes, options);
  case Phase::Fuse:
    return addFuse(passes);
  case Phase::Layout:
    return addLayout(passes, options);
  case Phase::Kernels:
    return addKernels(passes, options, level);
  case Phase::Target:
    return addTarget(passes, level);
  case Phase::Link:
    break; // compiler/link
  }
}

void registerPasses() {
  registerPhicPasses();
  registerPhicCpuPasses();
  registerCanonicalizerPass();
  registerCSEPass();
}

std::string addHook(OpPassManager &passes, const Hook &hook) {
  if (hook.make) {
    passes.addPass(hook.make());
    return "";
  }
  std::string message;
  llvm::raw_string_ostream os(message);
  if (succeeded(parsePassPipeline(hook.pipeline, passes, os)))
    return "";
  // MLIR's text has the place before the sentence and a picture after it.
  StringRef sentence = StringRef(message).split("error: ").second.split('\n').first;
  return sentence.empty() ? "'" + hook.pipeline + "' is no pass pipeline" : sentence.str();
}

namespace {

void printHooks(llvm::raw_ostream &os, Phase phase, bool isBefore, const PluginRegistry &plugins) {
  for (const Hook &hook : plugins.hooks()) {
    if (hook.phase != phase || hook.isBefore != isBefore)
      continue;
    OpPassManager passes(ModuleOp::getOperationName(), OpPassManager::Nesting::Implicit);
    if (!addHook(passes, hook).empty())
      continue; // loadPlugins has said so
    os << "    ";
    llvm::interleaveComma(passes, os, [&](Pass &pass) { pass.printAsTextualPipeline(os); });
    os << "    (" << hook.origin << ")\n";
  }
}

} // namespace

void printPipeline(llvm::raw_ostream &os, const Options &options, const PluginRegistry &plugins) {
  for (int i = 0; i < kPhaseCount; ++i) {
    OpPassManager passes(ModuleOp::getOperationName());
    addPhase(passes, Phase(i), options);
    os << phaseName(Phase(i)) << ": " << phaseMeaning(Phase(i)) << "\n";
    printHooks(os, Phase(i), /*isBefore=*/true, plugins);
    for (Pass &pass : passes)
      os << "    " << pass.getArgument() << "\n";
    printHooks(os, Phase(i), /*isBefore=*/false, plugins);
  }
}

} // namespace phic
