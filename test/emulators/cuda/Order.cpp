//===- Order.cpp - What happened before what -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Order.h"
#include <algorithm>

namespace ptx {

void Snapshot::join(const Snapshot &other) {
  for (size_t i = 0; i < warps.size(); ++i) {
    Row &row = warps[i];
    const Row &more = other.warps[i];
    row.until = std::max(row.until, more.until);
    row.lanes |= more.lanes;
    row.lanesUntil = std::max(row.lanesUntil, more.lanesUntil);
  }
}

void join(Knowledge &into, const Knowledge &other) {
  for (const auto &[cta, snapshot] : other) {
    auto &mine = into[cta];
    if (!mine || mine == snapshot) {
      mine = snapshot;
    } else {
      auto both = std::make_shared<Snapshot>(*mine);
      both->join(*snapshot);
      mine = both;
    }
  }
}

Order::Order(uint32_t cta, unsigned warps)
    : cta(cta), warps(warps), known(warps * warps), synced(warps), state(warps) {}

bool Order::areReadsBefore(const Touched &touched, unsigned warp, unsigned lane) const {
  for (uint32_t readers = touched.readers; readers; readers &= readers - 1) {
    unsigned reader = __builtin_ctz(readers);
    if (reader == warp ? touched.reader != lane && touched.readTime >= synced[warp]
                       : touched.readTime >= known[warp * warps + reader])
      return false;
  }
  return true;
}

bool Order::isKnown(const Touched &store, unsigned warp) const {
  if (!state[warp].foreign)
    return false;
  auto found = state[warp].foreign->find(store.cta);
  return found != state[warp].foreign->end() && found->second->knows(store);
}

void Order::barrier(uint32_t met) {
  ++time;
  std::vector<uint32_t> all(warps);
  std::shared_ptr<const Knowledge> foreign;
  for (unsigned warp = 0; warp < warps; ++warp) {
    if (!(met >> warp & 1))
      continue;
    for (unsigned of = 0; of < warps; ++of)
      all[of] = std::max(all[of], known[warp * warps + of]);
    all[warp] = time;
    const auto &mine = state[warp].foreign;
    if (!foreign || !mine || mine == foreign) {
      foreign = foreign ? foreign : mine;
    } else {
      auto both = std::make_shared<Knowledge>(*foreign);
      join(*both, *mine);
      foreign = both;
    }
  }
  for (unsigned warp = 0; warp < warps; ++warp)
    if (met >> warp & 1) {
      std::copy(all.begin(), all.end(), known.begin() + warp * warps);
      synced[warp] = time;
      state[warp].foreign = foreign;
    }
}

void Order::fence(unsigned warp, uint32_t lanes, uint32_t live) {
  PerWarp &mine = state[warp];
  if (!mine.observed.empty()) {
    auto more = mine.foreign ? std::make_shared<Knowledge>(*mine.foreign) : std::make_shared<Knowledge>();
    join(*more, mine.observed);
    mine.observed.clear();
    mine.foreign = more;
  }
  ++time;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->warps.resize(warps);
  for (unsigned of = 0; of < warps; ++of)
    snapshot->warps[of].until = known[warp * warps + of];
  snapshot->warps[warp].until = lanes == live ? time : synced[warp];
  snapshot->warps[warp].lanes = lanes;
  snapshot->warps[warp].lanesUntil = time;
  mine.fenced = mine.foreign ? *mine.foreign : Knowledge();
  mine.fenced[cta] = snapshot;
  mine.fencedLanes = lanes;
}

const Knowledge *Order::published(unsigned warp, uint32_t lanes) const {
  const PerWarp &mine = state[warp];
  return mine.fencedLanes && !(lanes & ~mine.fencedLanes) ? &mine.fenced : nullptr;
}

void Order::observe(unsigned warp, const Knowledge &seen, bool isAcquire) {
  PerWarp &mine = state[warp];
  join(mine.observed, seen);
  if (!isAcquire)
    return;
  auto more = mine.foreign ? std::make_shared<Knowledge>(*mine.foreign) : std::make_shared<Knowledge>();
  join(*more, mine.observed);
  mine.observed.clear();
  mine.foreign = more;
}

} // namespace ptx
