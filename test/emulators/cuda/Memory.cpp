//===- Memory.cpp - The device's memory ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Memory.h"
#include <algorithm>
#include <cstring>
#include <sys/mman.h>

namespace ptx {
namespace {

constexpr uint64_t redzone = 1 << 16;
/// What a new allocation holds: a float that is not a number, an integer that is out of any range.
constexpr uint8_t poison = 0xFF;

/// Only for allocations that are small enough for it to cost nothing; larger ones are zero.
constexpr uint64_t poisonedBytes = 1 << 20;

uint64_t pagesOf(const Allocation &allocation) {
  return (allocation.bytes + allocation.base % pageBytes + pageBytes - 1) / pageBytes;
}

} // namespace

Memory::~Memory() {
  for (auto &[base, allocation] : allocations)
    if (!allocation->isFreed && allocation->isOwned)
      munmap(allocation->host, allocation->bytes);
}

Allocation &Memory::add(uint64_t base, uint64_t bytes, uint8_t *host) {
  auto &allocation = allocations[base];
  allocation = std::make_unique<Allocation>();
  allocation->base = base;
  allocation->bytes = bytes;
  allocation->host = host;
  allocation->pages = std::make_unique<Page[]>(pagesOf(*allocation));
  return *allocation;
}

uint64_t Memory::allocate(uint64_t bytes) {
  if (bytes > capacity - used)
    return 0;
  void *host = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (host == MAP_FAILED)
    return 0;
  if (bytes <= poisonedBytes)
    memset(host, poison, bytes);
  // Aligned as the driver promises, and no better.
  uint64_t base = (next + 511) / 512 * 512 + 256;
  next = base + bytes + redzone;
  used += bytes;
  add(base, bytes, static_cast<uint8_t *>(host)).isOwned = true;
  return base;
}

bool Memory::pin(void *host, uint64_t bytes, bool isOwned) {
  uint64_t base = reinterpret_cast<uint64_t>(host);
  if (Allocation *before = near(base + bytes - 1); before && !before->isFreed && before->base + before->bytes > base)
    return false;
  // The host gives addresses out again.
  std::erase_if(allocations, [&](const auto &one) { return one.second->isFreed && one.first - base < bytes; });
  Allocation &allocation = add(base, bytes, static_cast<uint8_t *>(host));
  allocation.isPinned = true;
  allocation.isOwned = isOwned;
  return true;
}

bool Memory::release(uint64_t base, bool isPinned) {
  auto found = allocations.find(base);
  if (found == allocations.end() || found->second->isFreed || found->second->isPinned != isPinned)
    return false;
  Allocation &allocation = *found->second;
  if (allocation.isOwned)
    munmap(allocation.host, allocation.bytes);
  if (!isPinned)
    used -= allocation.bytes;
  allocation.isFreed = true;
  auto isGone = [&](const Page *page) {
    return page >= allocation.pages.get() && page < allocation.pages.get() + pagesOf(allocation);
  };
  std::erase_if(shadowed, isGone);
  std::erase_if(shadowedBefore, isGone);
  allocation.pages.reset();
  return true;
}

void Memory::beginLaunch() {
  // A page that was stored to again is in the newer list, too.
  std::sort(shadowed.begin(), shadowed.end());
  for (Page *page : shadowedBefore)
    if (!std::binary_search(shadowed.begin(), shadowed.end(), page))
      page->shadow.reset();
  shadowedBefore = std::move(shadowed);
  shadowed.clear();
}

Allocation *Memory::near(uint64_t address) {
  auto after = allocations.upper_bound(address);
  return after == allocations.begin() ? nullptr : std::prev(after)->second.get();
}

uint8_t *Memory::at(uint64_t address, uint64_t bytes) {
  Allocation *allocation = near(address);
  if (!allocation || allocation->isFreed || !allocation->has(address, bytes))
    return nullptr;
  return allocation->host + (address - allocation->base);
}

std::string Memory::wrong(uint64_t address, uint64_t bytes) {
  char text[200];
  Allocation *allocation = near(address);
  if (!allocation) {
    snprintf(text, sizeof text, "%llu bytes at 0x%llx, where nothing is", (unsigned long long)bytes,
             (unsigned long long)address);
  } else if (allocation->isFreed && allocation->has(address, bytes)) {
    snprintf(text, sizeof text, "%llu bytes at 0x%llx, in an allocation of %llu bytes that was freed",
             (unsigned long long)bytes, (unsigned long long)address, (unsigned long long)allocation->bytes);
  } else {
    snprintf(text, sizeof text, "%llu bytes at 0x%llx, which is %llu bytes into an allocation of %llu",
             (unsigned long long)bytes, (unsigned long long)address, (unsigned long long)(address - allocation->base),
             (unsigned long long)allocation->bytes);
  }
  return text;
}

} // namespace ptx
