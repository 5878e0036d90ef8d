//===- Os_macos.cpp - The runtime on macOS -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What only macOS has, through libSystem; Os_posix.cpp has the rest. Documented interfaces only, so that a library may go
// into any program.
//===----------------------------------------------------------------------===//
#include "Os.h"
#include "Posix.h"
#include "phi/format.h"

#include <string.h>

namespace phi::os {
namespace {

/// A number that the system knows by name; `unknown` when it has none of that name.
int64_t systemNumber(const char *name, int64_t unknown) {
  // Numbers are of 4 or 8 bytes: little-endian, so that the lower ones are right for both.
  int64_t value = 0;
  size_t bytes = sizeof(value);
  return sysctlbyname(name, &value, &bytes, nullptr, 0) == 0 ? value : unknown;
}

} // namespace

void keepPagesSmall(uint8_t *, size_t) {} // there is one size
void makePagesLarge(uint8_t *, size_t) {}
void dropPages(const uint8_t *, size_t) {}

bool fileOf(const void *address, char *path, size_t capacity) {
  Dl_info info;
  if (!dladdr(address, &info) || !info.dli_fname)
    return false;
  size_t bytes = strlen(info.dli_fname) + 1;
  if (!strchr(info.dli_fname, '/') || bytes > capacity)
    return false;
  memcpy(path, info.dli_fname, bytes);
  return true;
}

// macOS waits for words by documented calls only since 14.4: threads sleep at a condition, whichever word they wait for.
namespace {
struct Sleepers {
  pthread_mutex_t mutex;
  pthread_cond_t woken;
};
static_assert(sizeof(Sleepers) <= sizeof(Gate) && alignof(Sleepers) <= alignof(Gate));
Sleepers *sleepersOf(Gate *gate) { return reinterpret_cast<Sleepers *>(gate->room); }
} // namespace

void openGate(Gate *gate) {
  pthread_mutex_init(&sleepersOf(gate)->mutex, nullptr);
  pthread_cond_init(&sleepersOf(gate)->woken, nullptr);
}

void closeGate(Gate *gate) {
  pthread_cond_destroy(&sleepersOf(gate)->woken);
  pthread_mutex_destroy(&sleepersOf(gate)->mutex);
}

void sleepOn(Gate *gate, const uint32_t *word, uint32_t expected) {
  Sleepers *sleepers = sleepersOf(gate);
  pthread_mutex_lock(&sleepers->mutex);
  while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == expected)
    pthread_cond_wait(&sleepers->woken, &sleepers->mutex);
  pthread_mutex_unlock(&sleepers->mutex);
}

void wakeAll(Gate *gate, const uint32_t *) {
  // The word has changed: who takes the lock later than this sees it and does not sleep, who took it before is woken.
  Sleepers *sleepers = sleepersOf(gate);
  pthread_mutex_lock(&sleepers->mutex);
  pthread_mutex_unlock(&sleepers->mutex);
  pthread_cond_broadcast(&sleepers->woken);
}

int32_t currentCore() { return -1; }

int32_t physicalCores() {
  // The fast ones: a stage ends with its slowest thread.
  int64_t count = systemNumber("hw.perflevel0.physicalcpu", 0);
  if (count < 1)
    count = systemNumber("hw.physicalcpu", 1);
  return count > 0 && count < 1024 ? int32_t(count) : 1;
}

uint64_t reportedCpuFeatures() {
  return PHI_CPU_NEON | (systemNumber("hw.optional.arm.FEAT_DotProd", 0) ? PHI_CPU_DOTPROD : 0) |
         (systemNumber("hw.optional.arm.FEAT_I8MM", 0) ? PHI_CPU_I8MM : 0);
}

uint64_t peakResidentBytes() {
  rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? uint64_t(usage.ru_maxrss) : 0;
}

uint64_t randomSeed() {
  uint64_t seed = 0;
  return getentropy(&seed, sizeof(seed)) == 0 ? seed : uint64_t(now() * 1e9);
}

} // namespace phi::os
