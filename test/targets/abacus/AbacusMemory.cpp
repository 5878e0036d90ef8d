//===- AbacusMemory.cpp - A space of its own ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/targets/abacus/AbacusMemory.h"
#include "runtime/Writer.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

namespace phi {
namespace {

constexpr int kFaultCode = 3;

/// What the host must not touch. Never moved, so that a handler may look at any time.
struct Window {
  const uint8_t *begin; ///< nullptr: unused
  uint64_t bytes;
  const char *what;
};
constexpr int kMostWindows = 256;
Window windows[kMostWindows];

void onFault(int number, siginfo_t *info, void *) {
  auto *at = static_cast<const uint8_t *>(info->si_addr);
  for (const Window &window : windows) {
    const uint8_t *begin = __atomic_load_n(&window.begin, __ATOMIC_ACQUIRE);
    if (!begin || at < begin || at >= begin + window.bytes)
      continue;
    Writer(STDERR_FILENO) << "the host touched the abacus's " << window.what << ", " << uint64_t(at - begin)
                          << " bytes from their start\n";
    _exit(kFaultCode);
  }
  signal(number, SIG_DFL); // none of ours: happens again, and ends the process
}

void watchFaults() {
  struct sigaction action = {};
  action.sa_sigaction = onFault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGSEGV, &action, nullptr);
}

Window *takeWindow(uint64_t bytes, const char *what, const uint8_t *begin) {
  for (Window &window : windows) {
    const uint8_t *unused = nullptr;
    if (!__atomic_compare_exchange_n(&window.begin, &unused, begin, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
      continue;
    window.bytes = bytes;
    window.what = what;
    return &window;
  }
  return nullptr;
}

} // namespace

uint8_t *reserveAbacus(uint64_t bytes, const char *what) {
  if (bytes > kAbacusDistance)
    return nullptr;
  void *space = mmap(nullptr, 2 * kAbacusDistance, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (space == MAP_FAILED)
    return nullptr;
  auto *address = static_cast<uint8_t *>(space);
  if (mprotect(abacusBytes(address), bytes ? bytes : 1, PROT_READ | PROT_WRITE) == 0 &&
      takeWindow(kAbacusDistance, what, address)) {
    watchFaults();
    return address;
  }
  munmap(space, 2 * kAbacusDistance);
  return nullptr;
}

void releaseAbacus(const uint8_t *address) {
  for (Window &window : windows)
    if (window.begin == address)
      __atomic_store_n(&window.begin, nullptr, __ATOMIC_RELEASE);
  munmap(const_cast<uint8_t *>(address), 2 * kAbacusDistance);
}

} // namespace phi
