//===- Order.h - What happened before what -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two accesses race unless one happened before the other. Inside of a CTA barriers order (of warps, and bar.warp.sync of
// lanes); between CTAs a fence, then a strong store or an atomic on one side, and on the other an atomic or a strong load
// of the same place, then a fence. A CTA counts time: a barrier or a fence makes it one more. For each pair of
// warps it keeps the time up to which the one knows what the other did.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_ORDER_H
#define PHIC_TEST_EMULATORS_CUDA_ORDER_H

#include "Shadow.h"
#include <map>
#include <memory>

namespace ptx {

/// What somebody else knows of one CTA: of each of its warps, the stores before a time; of some lanes, up to a later one.
struct Snapshot {
  struct Row {
    uint32_t until = 0, lanes = 0, lanesUntil = 0;
  };
  std::vector<Row> warps;

  bool knows(const Touched &store) const {
    const Row &row = warps[store.warp];
    return store.time < row.until || ((row.lanes >> store.lane & 1) && store.time < row.lanesUntil);
  }
  void join(const Snapshot &other);
};

/// By CTA. Snapshots are shared and never changed.
using Knowledge = std::map<uint32_t, std::shared_ptr<const Snapshot>>;
void join(Knowledge &into, const Knowledge &other);

class Order {
public:
  Order(uint32_t cta, unsigned warps);

  uint32_t now() const { return time; }
  /// Whether a store of this CTA comes before what the lane of `warp` does now.
  bool isBefore(const Touched &store, unsigned warp, unsigned lane) const {
    if (store.warp == warp)
      return store.lane == lane || store.time < synced[warp];
    return store.time < known[warp * warps + store.warp];
  }
  /// Whether all loads since the last store do.
  bool areReadsBefore(const Touched &touched, unsigned warp, unsigned lane) const;
  /// Whether a store of another CTA does.
  bool isKnown(const Touched &store, unsigned warp) const;

  /// The warps, as bits, have met.
  void barrier(uint32_t warps);
  /// The lanes of a warp have.
  void warpBarrier(unsigned warp) { synced[warp] = ++time; }
  void fence(unsigned warp, uint32_t lanes, uint32_t live);
  /// What a strong store of `lanes` publishes; null: nothing, no fence came before.
  const Knowledge *published(unsigned warp, uint32_t lanes) const;
  /// A strong load saw what `seen` published; a fence makes it known.
  void observe(unsigned warp, const Knowledge &seen, bool isAcquire);

private:
  struct PerWarp {
    std::shared_ptr<const Knowledge> foreign; ///< of other CTAs
    Knowledge observed; ///< what a fence will make known
    Knowledge fenced; ///< what a strong store publishes
    uint32_t fencedLanes = 0;
  };

  uint32_t cta;
  unsigned warps;
  uint32_t time = 1;
  std::vector<uint32_t> known, synced;
  std::vector<PerWarp> state;
};

} // namespace ptx

#endif
