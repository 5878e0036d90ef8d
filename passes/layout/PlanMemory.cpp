//===- PlanMemory.cpp - One arena, one KV cache ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gives every result of a stage its bytes in the arena, every cache its bytes of
// a token, and the module the totals (static memory):
//
//     plan.stage "..." (...) : ...  ->  plan.stage "..." (...) {buffers = [#plan.buffer<arena, offset = 0, row_bytes = 128>]} : ...
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Phiq.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "mlir/IR/Builders.h"
#include "passes/Passes.h"
#include "passes/layout/Lifetimes.h"
#include "llvm/Support/MathExtras.h"

namespace phic {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

struct Placement {
  Lifetime lifetime;
  uint64_t bytes, offset = 0;

  plan::BufferAttr buffer(const Backend &backend) const {
    Type type = lifetime.result.getType();
    plan::Space space = lifetime.slot ? plan::Space::Binding : plan::Space::Arena;
    return plan::BufferAttr::get(type.getContext(), space, lifetime.slot ? *lifetime.slot : offset,
                                 rowBytesOf(type, space, backend));
  }
};

/// The lowest offset at which `next` overlaps none of `placed` that are live at the same time.
uint64_t lowestFreeOffset(const Placement &next, ArrayRef<const Placement *> placed) {
  SmallVector<const Placement *> rivals;
  llvm::copy_if(placed, std::back_inserter(rivals),
                [&](const Placement *p) { return p->lifetime.overlaps(next.lifetime); });
  llvm::sort(rivals,
             [](const Placement *a, const Placement *b) { return std::pair(a->offset, a) < std::pair(b->offset, b); });
  uint64_t offset = 0;
  for (const Placement *rival : rivals) {
    if (offset + next.bytes <= rival->offset)
      break;
    offset = std::max(offset, rival->offset + rival->bytes);
  }
  return offset;
}

/// Places the largest first: small ones fit into what they leave. Returns the size of the arena.
uint64_t placeInArena(MutableArrayRef<Placement> all) {
  SmallVector<Placement *> bySize;
  for (Placement &placement : all)
    if (!placement.lifetime.slot)
      bySize.push_back(&placement);
  // Equal ones in the order of the stages, which is that of their addresses in `all`.
  llvm::sort(bySize,
             [](const Placement *a, const Placement *b) { return std::pair(b->bytes, a) < std::pair(a->bytes, b); });
  SmallVector<const Placement *> placed;
  uint64_t end = 0;
  for (Placement *placement : bySize) {
    placement->offset = lowestFreeOffset(*placement, placed);
    end = std::max(end, placement->offset + placement->bytes);
    placed.push_back(placement);
  }
  return end;
}

struct PlanMemory : impl::PlanMemoryPassBase<PlanMemory> {
  using PlanMemoryPassBase::PlanMemoryPassBase;

  void runOnOperation() override {
    const Backend &backend = backendOf(getOperation());
    const int64_t step = backend.chunkStep();
    if (chunkRows == 0)
      chunkRows = backend.chunkRows();
    if (chunkRows < step || chunkRows % step) {
      getOperation().emitError("chunk-rows must be a positive multiple of ")
          << step << ", found " << int64_t(chunkRows);
      return signalPassFailure();
    }
    func::FuncOp model = modelFunction(getOperation());
    if (!model)
      return;
    if (!plan::hasSteps(model))
      chunkRows = 1; // its one step has no rows to choose
    uint64_t arena = planArena(model, backend);
    uint64_t kv = planCaches(backend);
    auto memory = plan::MemoryAttr::get(&getContext(), chunkRows, arena, /*scratch_bytes=*/0, kv, weightsEnd(model));
    getOperation()->setAttr(plan::PlanDialect::kMemory, memory);
  }

  uint64_t planArena(func::FuncOp model, const Backend &backend) {
    SmallVector<Placement> placements;
    for (const Lifetime &lifetime : lifetimesOf(model))
      placements.push_back({lifetime, bytesOf(lifetime.result.getType(), backend)});
    uint64_t end = placeInArena(placements);
    llvm::DenseMap<Operation *, SmallVector<Attribute>> buffers;
    for (const Placement &p : placements)
      buffers[p.lifetime.stage()].push_back(p.buffer(backend));
    for (auto stage : model.getOps<plan::StageOp>())
      stage.setBuffersAttr(ArrayAttr::get(&getContext(), buffers[stage]));
    return end;
  }

  /// In the arena, whose every buffer begins on a cache line.
  uint64_t bytesOf(Type type, const Backend &backend) {
    return llvm::alignTo(mostRowsOf(type, uint64_t(chunkRows)) * rowBytesOf(type, plan::Space::Arena, backend),
                         kArenaAlignment);
  }

  /// Keys, then values, of cache after cache; returns the bytes of one token in all of them.
  uint64_t planCaches(const Backend &backend) {
    Builder builder(&getContext());
    uint64_t end = 0;
    for (auto cache : getOperation().getOps<phiq::CacheOp>()) {
      uint64_t bytes = cache.getHeads() * cache.getHeadDim() * cache.getElement().getIntOrFloatBitWidth() / 8;
      cache->setAttr(plan::PlanDialect::kKeyOffset, builder.getI64IntegerAttr(end));
      cache->setAttr(plan::PlanDialect::kValueOffset, builder.getI64IntegerAttr(end + bytes));
      cache->setAttr(plan::PlanDialect::kCacheLayout, backend.cacheLayout(cache));
      end += 2 * bytes;
    }
    return end;
  }

  uint64_t weightsEnd(func::FuncOp model) {
    uint64_t end = 0;
    for (Operation &op : model.getOps())
      if (auto packed = op.getAttrOfType<plan::PackedAttr>(plan::PlanDialect::kPacked))
        end = std::max(end, packed.getOffset() + packed.getBytes());
    return end;
  }
};

} // namespace
} // namespace phic
