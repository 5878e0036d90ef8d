//===- EmitKernels.cpp - Code for every stage ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For each stage and M class, the kernel of its kind; the stage is told its symbol
// and how its tiles are counted.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "dialects/plan/KernelFacts.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "targets/Backend.h"
#include "targets/cpu/Passes.h"
#include "targets/cpu/TileTable.h"
#include "targets/cpu/kernels/AddedKernels.h"
#include "targets/cpu/kernels/StageEmitter.h"
#include "targets/stages/EntryClasses.h"
#include "llvm/Support/FormatVariadic.h"

namespace phic {
#define GEN_PASS_DEF_EMITKERNELSPASS
#include "targets/cpu/Passes.h.inc"

namespace {
using namespace mlir;

FailureOr<StageKernel> emitWithRow(const StageKernelRow &row, KernelLibrary &library, const StageFacts &facts,
                                   const CpuTarget &target, MClass mClass) {
  library.setOwner(row.name);
  FailureOr<StageKernel> kernel = row.emit(library, facts, target, mClass);
  library.setOwner("");
  plan::StageOp stage = facts.stage;
  if (failed(kernel))
    return stage.emitOpError("has no kernel: the row '") << row.name << "' of a plugin claims it, but emits none";
  auto function = stage->getParentOfType<ModuleOp>().lookupSymbol<LLVM::LLVMFuncOp>(kernel->symbol);
  if (!function || kernel->tiles.columns < 1 || kernel->tiles.rows < 1)
    return stage.emitOpError("has no kernel: the row '")
           << row.name << "' of a plugin names '" << kernel->symbol << "' with " << kernel->tiles.columns << "x"
           << kernel->tiles.rows << " tiles";
  function->setAttr(AddedKernels::kGenerator, StringAttr::get(function.getContext(), row.name));
  return kernel;
}

FailureOr<StageKernel> emitStage(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target,
                                 const TileShapes &tiles, MClass mClass) {
  if (const AddedKernels *added = AddedKernels::of(facts.stage->getContext()))
    for (const StageKernelRow &row : added->stages)
      if (row.claims(facts, target, mClass))
        return emitWithRow(row, library, facts, target, mClass);
  if (facts.first<phiq::AttendOp>())
    return emitAttendStage(library, facts, target, tiles[unsigned(mClass)], mClass);
  if (facts.first<phiq::MatmulOp>())
    return emitMatmulStage(library, facts, target, tiles[unsigned(mClass)], mClass);
  if (facts.isGrid())
    return emitGridStage(library, facts, target);
  return emitRowStage(library, facts, target);
}

/// Bytes of weights that a stage reads for one token.
int64_t decodeBytes(plan::StageOp stage) {
  int64_t bytes = 0;
  auto packedOf = [&](Value argument) {
    Operation *weight = stage.getInputs()[cast<BlockArgument>(argument).getArgNumber()].getDefiningOp();
    return weight->getAttrOfType<plan::PackedAttr>(plan::PlanDialect::kPacked).getBytes();
  };
  Block &body = stage.getBody().front();
  for (auto matmul : body.getOps<phiq::MatmulOp>())
    bytes += packedOf(matmul.getRhs());
  for (auto embed : body.getOps<phiq::EmbedOp>())
    bytes += packedOf(embed.getTable()) / cast<ShapedType>(embed.getTable().getType()).getDimSize(0);
  return bytes;
}

/// No slow path is silent: each stage with one says so, and how much of a decode step's weights it reads.
void remarkFallbacks(func::FuncOp model, ArrayRef<std::pair<plan::StageOp, StageKernel>> fallbacks) {
  int64_t all = 0;
  for (auto stage : model.getOps<plan::StageOp>())
    all += decodeBytes(stage);
  for (const auto &[stage, kernel] : fallbacks)
    stage->emitRemark()
        << "stage '" << plan::StageOp(stage).getName() << "', kernel '" << kernel.symbol << "', " << kFallsBack << " "
        << kernel.fallback << ": "
        << llvm::formatv("{0:f3}", 100.0 * double(decodeBytes(stage)) / double(std::max<int64_t>(all, 1))).str()
        << " % of the weight bytes of a decode step";
}

struct EmitKernels : impl::EmitKernelsPassBase<EmitKernels> {
  using EmitKernelsPassBase::EmitKernelsPassBase;

  void runOnOperation() override {
    const CpuTarget *chosen = cpuLevelByName(std::string(target));
    func::FuncOp model = modelFunction(getOperation());
    if (!chosen)
      getOperation().emitError("there is no CPU level '") << target << "'";
    if (!chosen || !model || !readTiles(*chosen))
      return signalPassFailure();
    KernelLibrary library(getOperation());
    fallbacks.clear();
    int64_t scratchBytes = 0;
    for (auto stage : llvm::to_vector(model.getOps<plan::StageOp>())) {
      FailureOr<int64_t> needed = emit(library, stage, *chosen);
      if (failed(needed))
        return signalPassFailure();
      scratchBytes = std::max(scratchBytes, *needed);
    }
    setScratch(scratchBytes);
    claimRegions(*chosen);
    remarkFallbacks(model, fallbacks);
    getOperation()->setAttr(plan::PlanDialect::kLevel, StringAttr::get(&getContext(), llvm::StringRef(chosen->name)));
  }

  bool readTiles(const CpuTarget &level) {
    std::optional<TileShapes> read = tiles.empty() ? tileShapesOf(level) : parseTileTable(std::string(tiles), level);
    if (!read)
      getOperation().emitError("the option 'tiles' of phic-emit-kernels is no table of tiles: '") << tiles << "'";
    else
      shapes = *read;
    return read.has_value();
  }

  /// Notes the row that is to build a region where it is declared: a build that goes on from here needs that plugin.
  void claimRegions(const CpuTarget &target) {
    const AddedKernels *added = AddedKernels::of(&getContext());
    if (!added)
      return;
    for (auto declaration : getOperation().getOps<LLVM::LLVMFuncOp>()) {
      func::FuncOp function = regionOf(declaration);
      if (!function)
        continue;
      std::optional<RowRegion> region = RowRegion::of(function, nullptr);
      assert(region && "declared by a KernelLibrary");
      auto row = llvm::find_if(added->regions, [&](const RegionRow &row) { return row.claims(*region, target); });
      if (row != added->regions.end())
        declaration->setAttr(AddedKernels::kGenerator, StringAttr::get(&getContext(), row->name));
    }
  }

  /// Returns the scratch bytes that the stage's kernels need.
  FailureOr<int64_t> emit(KernelLibrary &library, plan::StageOp stage, const CpuTarget &target) {
    FailureOr<StageFacts> facts = StageFacts::of(stage);
    if (failed(facts))
      return failure();
    Builder b(&getContext());
    llvm::SmallVector<NamedAttribute> kernels, tiles;
    int64_t scratchBytes = 0;
    auto model = stage->getParentOfType<func::FuncOp>();
    for (auto [name, mClass] : entryClasses(*facts)) {
      FailureOr<StageKernel> kernel = emitStage(library, *facts, target, shapes, mClass);
      if (failed(kernel))
        return failure();
      kernels.push_back(b.getNamedAttr(name, FlatSymbolRefAttr::get(&getContext(), kernel->symbol)));
      auto counted = plan::TilesAttr::get(&getContext(), kernel->tiles.columns, kernel->tiles.rows);
      tiles.push_back(b.getNamedAttr(name, counted));
      plan::setKernelFacts(getOperation().lookupSymbol(kernel->symbol), {counted, uint64_t(kernel->scratchBytes)});
      scratchBytes = std::max(scratchBytes, kernel->scratchBytes);
      if ((mClass == MClass::Decode || !plan::hasSteps(model)) && !kernel->fallback.empty())
        fallbacks.emplace_back(stage, *kernel);
    }
    stage.setKernelsAttr(b.getDictionaryAttr(kernels));
    stage.setTilesAttr(b.getDictionaryAttr(tiles));
    return scratchBytes;
  }

  llvm::SmallVector<std::pair<plan::StageOp, StageKernel>> fallbacks;
  TileShapes shapes;

  void setScratch(int64_t bytes) {
    auto memory = getOperation()->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
    if (!memory)
      return;
    const uint64_t rounded = std::max(memory.getScratchBytes(), uint64_t(bytes + 63) / 64 * 64);
    getOperation()->setAttr(plan::PlanDialect::kMemory,
                            plan::MemoryAttr::get(&getContext(), memory.getChunkRows(), memory.getArenaBytes(), rounded,
                                                  memory.getKvBytesPerToken(), memory.getWeightsBytes()));
  }
};

} // namespace
} // namespace phic
