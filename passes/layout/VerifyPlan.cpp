//===- VerifyPlan.cpp - Nothing overlaps that is live ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ends the layout phase. Checks the plan against the stages from scratch, so that
// a mistake of the planner, or of a hand that edited the IR, is found before code
// is made for it.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Phiq.h"
#include "dialects/plan/Entry.h"
#include "dialects/plan/KernelFacts.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "passes/ModelShape.h"
#include "passes/Passes.h"
#include "passes/layout/Lifetimes.h"
#include "passes/layout/WeightUses.h"
#include "llvm/Support/MathExtras.h"

namespace phic {
#define GEN_PASS_DEF_VERIFYPLANPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

/// More than any machine has, and little enough to be added up.
constexpr uint64_t kMostBytes = uint64_t(1) << 47;
constexpr int64_t kMostChunkRows = 4096;

/// A run of bytes that something claims.
struct Extent {
  uint64_t offset, bytes;
  /// Of numbers that are anybody's: what no number can say lies at the end of all.
  uint64_t end() const { return llvm::SaturatingAdd(offset, bytes); }
  bool overlaps(const Extent &other) const { return offset < other.end() && other.offset < end(); }
};

class PlanVerifier {
public:
  PlanVerifier(ModuleOp module, func::FuncOp model, plan::MemoryAttr memory)
      : module(module), model(model), memory(memory), backend(backendOf(module)), symbols(module) {}

  LogicalResult run() {
    verifyMemory();
    verifyBuffers();
    verifyWeights();
    verifyCaches();
    // Another family's kernels are bytes for its device; the host's are functions here, which its entry points call.
    if (module->hasAttr(plan::PlanDialect::kLevel) && &backend == &hostBackend())
      for (auto stage : model.getOps<plan::StageOp>())
        for (StringRef entry : plan::entryNames(model))
          verifyKernel(stage, entry);
    if (offenders.empty())
      return success();
    InFlightDiagnostic error = model.emitError("mistakes in the plan: ") << offenders.size();
    for (auto &[op, reason] : offenders)
      error.attachNote(op->getLoc()) << reason;
    return error;
  }

private:
  void require(bool holds, Operation *op, const llvm::Twine &otherwise) {
    if (!holds)
      offenders.emplace_back(op, otherwise.str());
  }

  void verifyMemory() {
    const auto rows = int64_t(memory.getChunkRows()), step = backend.chunkStep();
    const bool isStep = plan::hasSteps(model) ? rows >= step && rows % step == 0 && rows <= kMostChunkRows : rows == 1;
    require(isStep, module, "no step has " + llvm::Twine(memory.getChunkRows()) + " rows");
    for (uint64_t bytes :
         {memory.getArenaBytes(), memory.getScratchBytes(), memory.getKvBytesPerToken(), memory.getWeightsBytes()})
      require(bytes <= kMostBytes, module, "nothing has room for " + llvm::Twine(bytes) + " bytes");
  }

  void verifyBuffers() {
    SmallVector<std::pair<Lifetime, Extent>> live;
    for (const Lifetime &lifetime : lifetimesOf(model)) {
      plan::StageOp stage = lifetime.stage();
      auto buffer = bufferOf(lifetime);
      std::string name =
          ("stage '" + stage.getName() + "' result " + llvm::Twine(lifetime.result.getResultNumber())).str();
      require(bool(buffer), stage, name + " has no buffer");
      if (!buffer)
        continue;
      const plan::Space space = lifetime.slot ? plan::Space::Binding : plan::Space::Arena;
      require(buffer.getSpace() == space, stage,
              name + " is in space '" + plan::stringifySpace(buffer.getSpace()) + "'");
      const uint64_t rowBytes = rowBytesOf(lifetime.result.getType(), space, backend);
      require(buffer.getRowBytes() == rowBytes, stage,
              name + " has rows of " + llvm::Twine(buffer.getRowBytes()) + " bytes, its type asks for " +
                  llvm::Twine(rowBytes));
      if (lifetime.slot) {
        require(buffer.getOffset() == *lifetime.slot, stage,
                name + " is in slot " + llvm::Twine(buffer.getOffset()) + ", the model returns it in slot " +
                    llvm::Twine(*lifetime.slot));
        continue;
      }
      Extent extent{
          buffer.getOffset(),
          llvm::SaturatingMultiply(buffer.getRowBytes(), mostRowsOf(lifetime.result.getType(), memory.getChunkRows()))};
      require(extent.offset % kArenaAlignment == 0, stage,
              name + " is at " + llvm::Twine(extent.offset) + ", not aligned");
      require(extent.end() <= memory.getArenaBytes(), stage,
              name + " ends at " + llvm::Twine(extent.end()) + ", the arena at " + llvm::Twine(memory.getArenaBytes()));
      for (auto &[other, taken] : live)
        if (other.overlaps(lifetime))
          require(!extent.overlaps(taken), stage,
                  name + " overlaps a result of stage '" + other.stage().getName() + "'");
      live.emplace_back(lifetime, extent);
    }
  }

  plan::BufferAttr bufferOf(const Lifetime &lifetime) {
    std::optional<ArrayAttr> buffers = lifetime.stage().getBuffers();
    return buffers ? dyn_cast<plan::BufferAttr>((*buffers)[lifetime.result.getResultNumber()]) : plan::BufferAttr();
  }

  void verifyWeights() {
    SmallVector<std::pair<Extent, Operation *>> extents;
    for (Operation &op : model.getOps()) {
      if (!isWeight(&op))
        continue;
      auto packed = op.getAttrOfType<plan::PackedAttr>(plan::PlanDialect::kPacked);
      require(bool(packed), &op, "weight has no packed layout");
      if (!packed)
        continue;
      const int64_t bytes = packedBytes(&op, packed.getLayout());
      require(int64_t(packed.getBytes()) == bytes, &op,
              "weight has " + llvm::Twine(packed.getBytes()) + " packed bytes, its layout asks for " +
                  llvm::Twine(bytes));
      require(packed.getOffset() % kArenaAlignment == 0, &op,
              "weight is at " + llvm::Twine(packed.getOffset()) + ", not aligned");
      extents.push_back({{packed.getOffset(), packed.getBytes()}, &op});
    }
    verifyApart(extents, memory.getWeightsBytes(), "packed weight");
  }

  void verifyCaches() {
    SmallVector<std::pair<Extent, Operation *>> extents;
    for (auto cache : module.getOps<phiq::CacheOp>()) {
      uint64_t bytes = cache.getHeads() * cache.getHeadDim() * cache.getElement().getIntOrFloatBitWidth() / 8;
      for (StringRef attribute :
           {StringRef(plan::PlanDialect::kKeyOffset), StringRef(plan::PlanDialect::kValueOffset)}) {
        auto offset = cache->getAttrOfType<IntegerAttr>(attribute);
        require(bool(offset), cache, "cache has no " + attribute);
        if (offset)
          extents.push_back({{uint64_t(offset.getInt()), bytes}, cache});
      }
      auto layout = cache->getAttrOfType<plan::CacheLayoutAttr>(plan::PlanDialect::kCacheLayout);
      require(bool(layout), cache, "cache has no " + plan::PlanDialect::kCacheLayout);
      require(!layout || layout == backend.cacheLayout(cache), cache,
              "cache of " + llvm::Twine(cache.getHeads()) + " heads has a layout that is not its family's");
    }
    verifyApart(extents, memory.getKvBytesPerToken(), "cache");
  }

  /// Of IR that has been through `kernels`: an entry point will call what the stage names, with tiles numbered as it counts
  /// them, and scratch memory of the plan's size.
  void verifyKernel(plan::StageOp stage, StringRef entry) {
    const std::string name = ("stage '" + stage.getName() + "' of " + entry).str();
    auto symbol = stage.getKernels() ? stage.getKernels()->getAs<FlatSymbolRefAttr>(entry) : FlatSymbolRefAttr();
    auto tiles = stage.getTiles() ? stage.getTiles()->getAs<plan::TilesAttr>(entry) : plan::TilesAttr();
    require(symbol && tiles, stage, name + " has no kernel, or no tiles");
    if (!symbol || !tiles)
      return;
    auto kernel = symbols.lookup<FunctionOpInterface>(symbol.getAttr());
    const std::optional<plan::KernelFacts> facts = kernel ? plan::kernelFacts(kernel) : std::nullopt;
    require(facts && !kernel.isExternal(), stage, name + " names '" + symbol.getValue() + "', which is no kernel");
    if (!facts)
      return;
    kernelType = kernelType ? kernelType : kernel.getFunctionType();
    require(kernel.getFunctionType() == kernelType, stage,
            name + " names '" + symbol.getValue() + "', whose arguments are not those of other kernels");
    require(tiles == facts->tiles, stage,
            name + " counts " + llvm::Twine(tiles.getColumns()) + " x " + llvm::Twine(tiles.getRows()) +
                " tiles, its kernel " + llvm::Twine(facts->tiles.getColumns()) + " x " +
                llvm::Twine(facts->tiles.getRows()));
    require(facts->scratchBytes <= memory.getScratchBytes(), stage,
            name + " needs " + llvm::Twine(facts->scratchBytes) + " bytes of scratch memory, the plan has " +
                llvm::Twine(memory.getScratchBytes()));
  }

  /// Extents that are all live at once.
  void verifyApart(SmallVectorImpl<std::pair<Extent, Operation *>> &extents, uint64_t size, StringRef what) {
    llvm::sort(extents, [](auto &a, auto &b) { return a.first.offset < b.first.offset; });
    uint64_t end = 0;
    for (auto &[extent, op] : extents) {
      require(extent.offset >= end, op,
              what + " begins at " + llvm::Twine(extent.offset) + ", the one before ends at " + llvm::Twine(end));
      require(extent.end() <= size, op,
              what + " ends at " + llvm::Twine(extent.end()) + " of " + llvm::Twine(size) + " bytes");
      end = std::max(end, extent.end());
    }
  }

  ModuleOp module;
  func::FuncOp model;
  plan::MemoryAttr memory;
  const Backend &backend;
  SymbolTable symbols;
  Type kernelType; ///< of the first kernel
  SmallVector<std::pair<Operation *, std::string>> offenders;
};

struct VerifyPlan : impl::VerifyPlanPassBase<VerifyPlan> {
  void runOnOperation() override {
    func::FuncOp model = verifiedModel(getOperation());
    auto memory = getOperation()->getAttrOfType<plan::MemoryAttr>(plan::PlanDialect::kMemory);
    if (model && !memory)
      getOperation().emitError("has no plan.memory");
    if (!model || !memory || failed(PlanVerifier(getOperation(), model, memory).run()))
      signalPassFailure();
  }
};

} // namespace
} // namespace phic
