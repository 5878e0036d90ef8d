//===- Pipeline.cpp - Which passes each phase runs -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One line a pass. passes/Passes.td says what each does, and in the same order.
//===----------------------------------------------------------------------===//
#include "compiler/Pipeline.h"
#include "compiler/Plugin.h"
#include "compiler/plugin/Hooks.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"
#include "targets/Backend.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace phic {
namespace {

void addCanonicalize(OpPassManager &passes) {
  passes.addPass(createFoldSpellingsPass());
  passes.addPass(createSinkPermutesPass());
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
  passes.addPass(createFoldDequantizedFactorsPass());
  passes.addPass(createTabulateCodesPass());
  passes.addPass(createPropagateLogitRowsPass()); // again: it does not pass codes, and they are gone
  passes.addPass(createVerifyQuantizedPass());
}

/// The families of levels, as passes take them.
std::string familiesOf(ArrayRef<const Target *> levels) {
  SmallVector<StringRef> families;
  for (const Target *level : levels)
    if (!llvm::is_contained(families, StringRef(level->family)))
      families.push_back(level->family);
  return llvm::join(families, ",");
}

void addPrecision(OpPassManager &passes, const CompileSettings &settings, const std::string &families) {
  const PrecisionFlags &flags = settings.precision;
  passes.addPass(createAssignPrecisionPass({flags.precision,
                                            flags.block,
                                            flags.scheme,
                                            flags.axis,
                                            flags.embeddings,
                                            flags.lmHead,
                                            {flags.rules.begin(), flags.rules.end()},
                                            flags.allowRequantize,
                                            families}));
  passes.addPass(createAssignComputePass({nameOf(settings.activations), families}));
  passes.addPass(createAssignKvCachePass({nameOf(settings.kvCache)}));
}

void addFuse(OpPassManager &passes, const std::string &families) {
  passes.addPass(createMaterializeQuantizationPass());
  passes.addPass(createFuseStagesPass());
  passes.addPass(createVerifyStagesPass({families}));
}

void addLayout(OpPassManager &passes, const CompileSettings &settings, std::string_view family) {
  AssignPackedLayoutsPassOptions layouts;
  layouts.family = family;
  passes.addPass(createAssignPackedLayoutsPass(layouts));
  passes.addPass(createPlanMemoryPass({settings.chunkRows}));
  passes.addPass(createVerifyPlanPass());
}

void addKernels(OpPassManager &passes, const CompileSettings &settings, const Target &level) {
  auto tiles = settings.tiles.find(level.name);
  KernelOptions kernels;
  if (tiles != settings.tiles.end())
    kernels.tiles = &tiles->second;
  backendOf(level).addKernelPasses(passes, level, kernels);
}

} // namespace

void addPhase(OpPassManager &passes, Phase phase, const CompileSettings &settings, ArrayRef<const Target *> levels) {
  const Target &level = *levels.front();
  switch (phase) {
  case Phase::Import:
    break; // compiler/import
  case Phase::Canonicalize:
    return addCanonicalize(passes);
  case Phase::Quantize:
    return addQuantize(passes);
  case Phase::Precision:
    return addPrecision(passes, settings, familiesOf(levels));
  case Phase::Fuse:
    return addFuse(passes, familiesOf(levels));
  case Phase::Layout:
    return addLayout(passes, settings, level.family);
  case Phase::Kernels:
    return addKernels(passes, settings, level);
  case Phase::Target:
    return backendOf(level).addTargetPasses(passes, level);
  case Phase::Link:
    break; // compiler/link
  }
}

void addEntryChecks(OpPassManager &passes, Phase first, ArrayRef<const Target *> levels) {
  if (first == Phase::Quantize)
    passes.addPass(createVerifyOpsPass());
  if (first == Phase::Precision || first == Phase::Fuse)
    passes.addPass(createVerifyQuantizedPass());
  if (first > Phase::Fuse)
    passes.addPass(createVerifyStagesPass({familiesOf(levels)}));
  if (first > Phase::Layout)
    passes.addPass(createVerifyPlanPass());
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

void printPasses(llvm::raw_ostream &os, Phase phase, const CompileSettings &settings, ArrayRef<const Target *> levels) {
  OpPassManager passes(ModuleOp::getOperationName());
  addPhase(passes, phase, settings, levels);
  for (Pass &pass : passes)
    os << "    " << pass.getArgument() << "\n";
}

} // namespace

void printPipeline(llvm::raw_ostream &os, const CompileSettings &settings, ArrayRef<const Target *> levels,
                   const PluginRegistry &plugins) {
  for (int i = 0; i < kPhaseCount; ++i) {
    const auto phase = Phase(i);
    os << phaseName(phase) << ": " << phaseMeaning(phase) << "\n";
    printHooks(os, phase, /*isBefore=*/true, plugins);
    if (phase <= kLastSharedPhase)
      printPasses(os, phase, settings, levels);
    else
      for (const Target *level : levels)
        printPasses(os, phase, settings, level);
    printHooks(os, phase, /*isBefore=*/false, plugins);
  }
}

} // namespace phic
