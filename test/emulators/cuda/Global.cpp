//===- Global.cpp - Accesses to global memory ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Grid.h"
#include <bit>

namespace ptx {
namespace {

/// A copy of 1 to 16 bytes, a power of two.
void move(uint8_t *to, const uint8_t *from, uint32_t bytes) {
  switch (bytes) {
  case 16:
    memcpy(to, from, 16);
    break;
  case 8:
    memcpy(to, from, 8);
    break;
  case 4:
    memcpy(to, from, 4);
    break;
  default:
    memcpy(to, from, bytes);
  }
}

/// Counts what is new in [at, at + bytes) among a page's sectors.
uint64_t mark(uint64_t (&bits)[2], uint64_t at, uint32_t bytes) {
  uint64_t fresh = 0;
  for (uint64_t sector = at % pageBytes / sectorBytes; sector <= (at % pageBytes + bytes - 1) / sectorBytes; ++sector) {
    uint64_t bit = 1ull << (sector & 63);
    fresh += !(bits[sector >> 6] & bit);
    bits[sector >> 6] |= bit;
  }
  return fresh * sectorBytes;
}

} // namespace

uint8_t *Grid::resolve(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes, const char *verb) {
  if (!last || last->isFreed || !last->has(at, bytes)) {
    last = memory.near(at);
    if (!last || last->isFreed || !last->has(at, bytes)) {
      last = nullptr;
      warp.fault(Fault::illegalAddress, lane, std::string(verb) + " " + memory.wrong(at, bytes));
    }
  }
  if (at & (bytes - 1))
    warp.fault(Fault::misaligned, lane, std::string(verb) + " " + memory.wrong(at, bytes) + ", not aligned");
  return last->host + (at - last->base);
}

/// The page of an address in the allocation that was resolved last. An aligned access never leaves its page.
Page &Grid::page(uint64_t at) {
  Page &page = last->pages[at / pageBytes - last->base / pageBytes];
  if (page.launch != uint32_t(launch.id)) {
    page.launch = launch.id;
    page.read[0] = page.read[1] = page.written[0] = page.written[1] = 0;
  }
  return page;
}

/// What the launch before stored is there only behind griddepcontrol.wait.
void Grid::checkLaunchBefore(Warp &warp, unsigned lane, const Page &its, uint64_t at, uint32_t bytes,
                             const char *verb) {
  if (!launch.isOverlapped || warp.cta->hasWaited(warp) || !its.shadow || its.shadowLaunch != uint32_t(launch.id) - 1)
    return;
  its.shadow->each(at % pageBytes, bytes, [&](const Touched &touched) {
    if (touched.isWritten)
      warp.fault(Fault::launchFailed, lane,
                 std::string(verb) + " global memory that the launch before wrote, with no griddepcontrol.wait before");
  });
}

void Grid::checkRead(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes, bool isStrong) {
  Page &its = page(at);
  counts.readBytes += bytes;
  counts.readDistinct += mark(its.read, at, bytes);
  checkLaunchBefore(warp, lane, its, at, bytes, "reads");
  if (its.shadowLaunch != uint32_t(launch.id))
    return;
  Order &order = warp.cta->order;
  its.shadow->each(at % pageBytes, bytes, [&](Touched &touched) {
    if (!touched.isWritten || (isStrong && touched.isStrong))
      return;
    bool isOwn = touched.cta == warp.cta->number;
    if (isOwn ? order.isBefore(touched, warp.index, lane) : order.isKnown(touched, warp.index))
      return;
    std::string who = isOwn ? "lane " + std::to_string(touched.lane) + " of warp " + std::to_string(touched.warp)
                            : "CTA number " + std::to_string(touched.cta);
    warp.fault(Fault::launchFailed, lane,
               "reads global memory that " + who + " wrote in line " + std::to_string(touched.line) +
                   (isOwn ? ", with no barrier between" : ", with no fence and atomic between"));
  });
}

void Grid::noteStore(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes, bool isStrong) {
  Page &its = page(at);
  counts.writtenBytes += bytes;
  counts.writtenDistinct += mark(its.written, at, bytes);
  checkLaunchBefore(warp, lane, its, at, bytes, "writes");
  if (its.shadowLaunch != uint32_t(launch.id)) {
    its.shadow = std::make_unique<Shadow>(pageBytes);
    its.shadowLaunch = launch.id;
    memory.noteShadow(its);
  }
  Order &order = warp.cta->order;
  its.shadow->each(at % pageBytes, bytes, [&](Touched &touched) {
    bool isOwn = touched.cta == warp.cta->number;
    if (touched.isWritten && !(isStrong && touched.isStrong) &&
        !(isOwn ? order.isBefore(touched, warp.index, lane) : order.isKnown(touched, warp.index)))
      warp.fault(Fault::launchFailed, lane,
                 "writes global memory that " +
                     (isOwn ? std::string("another thread") : "CTA number " + std::to_string(touched.cta)) +
                     " wrote in line " + std::to_string(touched.line) +
                     (isOwn ? ", with no barrier between" : ", with no fence and atomic between"));
    touched.isWritten = true;
    touched.isStrong = isStrong;
    touched.cta = warp.cta->number;
    touched.warp = warp.index;
    touched.lane = lane;
    touched.line = warp.kernel->code[warp.at].line;
    touched.time = order.now();
  });
}

void Grid::readGlobal(Warp &warp, const uint64_t *at, uint32_t bytes, uint8_t *to, uint32_t stride, bool isStrong) {
  for (uint32_t left = warp.mask; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    const uint8_t *from = resolve(warp, lane, at[lane], bytes, "reads");
    checkRead(warp, lane, at[lane], bytes, isStrong);
    move(to + lane * size_t(stride), from, bytes);
  }
}

void Grid::writeGlobal(Warp &warp, const uint64_t *at, uint32_t bytes, const uint8_t *from, uint32_t stride,
                       bool isStrong) {
  for (uint32_t left = warp.mask; left; left &= left - 1) {
    unsigned lane = __builtin_ctz(left);
    uint8_t *to = resolve(warp, lane, at[lane], bytes, "writes");
    if (last->isConstant)
      warp.fault(Fault::illegalAddress, lane, "writes to constant memory");
    noteStore(warp, lane, at[lane], bytes, isStrong);
    move(to, from + lane * size_t(stride), bytes);
  }
}

uint8_t *Grid::atomicGlobal(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes) {
  uint8_t *place = resolve(warp, lane, at, bytes, "updates");
  if (last->isConstant)
    warp.fault(Fault::illegalAddress, lane, "writes to constant memory");
  counts.readBytes += bytes;
  noteStore(warp, lane, at, bytes, /*isStrong=*/true);
  return place;
}

void Grid::willRead(Warp &warp, unsigned lane, uint64_t at, uint32_t bytes) {
  resolve(warp, lane, at, std::bit_ceil(bytes), "copies");
  checkRead(warp, lane, at, bytes, /*isStrong=*/false);
}

void Grid::publish(Warp &warp, uint64_t at, uint32_t lanes, bool isRelease, bool isUpdate) {
  Order &order = warp.cta->order;
  if (isRelease)
    order.fence(warp.index, lanes, warp.live);
  const Knowledge *published = order.published(warp.index, lanes);
  if (!isUpdate)
    releases.erase(at);
  if (published)
    join(releases[at], *published);
}

void Grid::learn(Warp &warp, uint64_t at, bool isAcquire) {
  if (auto found = releases.find(at); found != releases.end())
    warp.cta->order.observe(warp.index, found->second, isAcquire);
}

} // namespace ptx
