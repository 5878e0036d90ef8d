//===- CpuBackend.cpp - The backend of processors --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One packed copy and one plan for every level; what differs is in CpuTarget.h.
//===----------------------------------------------------------------------===//
#include "mlir/Pass/PassManager.h"
#include "targets/Backend.h"
#include "targets/code/EntryCode.h"
#include "targets/code/Passes.h"
#include "targets/cpu/CpuLevels.h"
#include "targets/cpu/Passes.h"
#include "targets/cpu/TileTable.h"
#include "targets/cpu/code/Codegen.h"
#include "targets/cpu/kernels/AddedKernels.h"
#include "targets/cpu/machines/CpuRates.h"
#include "targets/layout/Layouts.h"
#include "targets/layout/PanelsDialect.h"
#include "targets/stages/ColumnGroups.h"
#include "llvm/ADT/StringExtras.h"
#include <set>

using namespace mlir;

namespace phic {
namespace {

class CpuBackend final : public Backend {
public:
  StringRef family() const override { return kCpuFamily; }

  std::vector<const Target *> levels() const override {
    std::vector<const Target *> all;
    for (const CpuTarget &level : cpuLevels())
      all.push_back(&level);
    return all;
  }

  ArrayRef<LevelName> levelNames() const override { return cpuLevelNames(); }
  bool runsOn(const Target &level, const System &system) const override {
    return asCpuLevel(level).architecture == system.architecture;
  }
  bool runsHere(const Target &level) const override { return canRunHere(asCpuLevel(level)); }

  void registerDialects(DialectRegistry &registry) const override { registry.insert<panels::PanelsDialect>(); }
  void registerPasses() const override {
    registerPhicCodePasses();
    registerPhicCpuPasses();
  }

  plan::WeightLayout weightLayout(const WeightUse &use, std::string *why) const override {
    return panels::weightLayout(use, why);
  }

  plan::CacheLayoutAttr cacheLayout(phiq::CacheOp cache) const override { return panels::cacheLayout(cache); }

  std::optional<LackingKernel> lacks(plan::StageOp stage) const override { return findLacking(stage); }

  RowLayout rowLayout(ShapedType rows) const override { return panels::rowLayout(rows); }

  ArrayRef<ComputeMode> modes() const override {
    static constexpr ComputeMode kModes[] = {ComputeMode::F32, ComputeMode::I8};
    return kModes;
  }
  int64_t chunkRows() const override { return 256; }
  int64_t chunkStep() const override { return 8; }

  std::optional<MachineRates> measure(const Target &level, int threads, uint64_t workingSet) const override {
    return measureProcessor(asCpuLevel(level), threads, workingSet);
  }
  MachineRates referenceMachine(const Target &level) const override { return referenceProcessor(asCpuLevel(level)); }
  ArrayRef<TileSize> tileSizes() const override { return kTileSizes; }
  TileTable tilesOf(const Target &level) const override { return tileTableOf(asCpuLevel(level)); }
  std::vector<TileAxis> tileAxes(const Target &level) const override { return tileAxesOf(asCpuLevel(level)); }

  void addKernelPasses(OpPassManager &passes, const Target &level, const KernelOptions &options) const override {
    passes.addPass(
        createEmitKernelsPass({std::string(level.name), options.tiles ? tileTableText(*options.tiles) : ""}));
  }

  void addTargetPasses(OpPassManager &passes, const Target &level) const override {
    passes.addPass(createEmitEntryPointsPass({std::string(level.name)}));
    passes.addPass(createLowerToLlvmPass());
  }

  llvm::Expected<LevelCode> emitCode(ModuleOp module, const Target &level, const System &system) const override {
    auto object = phic::emitCode(module, asCpuLevel(level), CodeKind::Object, system.triple);
    if (!object)
      return object.takeError();
    return LevelCode{std::move(*object), entrySymbols(module, level.isa), {}};
  }

  std::string generatorOf(ModuleOp module, StringRef symbol) const override;
};

/// A kernel is made by MLIR; the row regions that it calls by Halide. A kernel
/// that does nothing but run regions is Halide's.
std::string CpuBackend::generatorOf(ModuleOp module, StringRef symbol) const {
  auto kernel = module.lookupSymbol<LLVM::LLVMFuncOp>(symbol);
  bool regions = false;
  if (auto row = kernel ? kernel->getAttrOfType<StringAttr>(AddedKernels::kGenerator) : nullptr)
    return row.getValue().str();
  std::set<std::string> rows; // of plugins that build regions
  if (kernel)
    kernel.walk([&](LLVM::CallOp call) {
      auto callee = call.getCallee() ? module.lookupSymbol<LLVM::LLVMFuncOp>(*call.getCallee()) : nullptr;
      regions |= callee && callee->hasAttr(RowRegion::kRegion);
      if (auto row = callee ? callee->getAttrOfType<StringAttr>(AddedKernels::kGenerator) : nullptr)
        rows.insert("(" + row.getValue().str() + ")");
    });
  if (!regions)
    return "mlir";
  std::string halide = "halide" + llvm::join(rows, "");
  return kernel->hasAttr("phic.row_stage") ? halide : "mlir+" + halide;
}

} // namespace

const Backend &cpuBackend() {
  static const CpuBackend backend;
  return backend;
}

} // namespace phic
