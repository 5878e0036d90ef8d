//===- Os_linux.cpp - The runtime on Linux -----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What only Linux has, through musl (in programs) or glibc (in tests); Os_posix.cpp has the rest.
//===----------------------------------------------------------------------===//
#include "Os.h"
#include "Posix.h"
#include "SystemText.h"
#include "Writer.h"
#include "phi/format.h"

#include <limits.h>
#include <string.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace phi::os {

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// madvise wants whole pages: those that lie in the range, for pages of any size that a system may have.
static void advise(const uint8_t *memory, size_t bytes, int advice) {
#if defined(__aarch64__)
  constexpr uintptr_t kPage = 65536;
#else
  constexpr uintptr_t kPage = 4096;
#endif
  uintptr_t begin = (reinterpret_cast<uintptr_t>(memory) + kPage - 1) & ~(kPage - 1);
  uintptr_t end = (reinterpret_cast<uintptr_t>(memory) + bytes) & ~(kPage - 1);
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, advice);
}

void keepPagesSmall(uint8_t *memory, size_t bytes) { advise(memory, bytes, MADV_NOHUGEPAGE); }
void makePagesLarge(uint8_t *memory, size_t bytes) { advise(memory, bytes, MADV_HUGEPAGE); }
void dropPages(const uint8_t *memory, size_t bytes) { advise(memory, bytes, MADV_DONTNEED); }

/// A line of /proc/self/maps: "55d0c000-55d0e000 r-xp 00002000 08:01 1234    /path". True when it holds the address.
static bool mapHolds(const char *line, uintptr_t address) {
  uintptr_t bounds[2] = {0, 0};
  for (int i = 0; i < 2; ++i, ++line)
    for (; *line && *line != '-' && *line != ' '; ++line)
      bounds[i] = bounds[i] * 16 + uintptr_t(*line <= '9' ? *line - '0' : *line - 'a' + 10);
  return bounds[0] <= address && address < bounds[1];
}

bool fileOf(const void *address, char *path, size_t capacity) {
  Lines maps("/proc/self/maps");
  while (maps.next())
    if (mapHolds(maps.text, reinterpret_cast<uintptr_t>(address))) {
      const char *name = strchr(maps.text, '/');
      if (!name || strlen(name) >= capacity)
        return false;
      memcpy(path, name, strlen(name) + 1);
      return true;
    }
  return false;
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

// A word can be waited for by itself: gates stay unused.
// FUTEX_WAIT and FUTEX_WAKE with FUTEX_PRIVATE_FLAG: musl comes without the kernel's headers.
constexpr int kFutexWait = 0 | 128, kFutexWake = 1 | 128;

void openGate(Gate *) {}
void closeGate(Gate *) {}

void sleepOn(Gate *, const uint32_t *word, uint32_t expected) {
  syscall(SYS_futex, word, kFutexWait, expected, nullptr);
}

void wakeAll(Gate *, const uint32_t *word) { syscall(SYS_futex, word, kFutexWake, INT_MAX); }

int32_t currentCore() { return sched_getcpu(); }

//===----------------------------------------------------------------------===//
// Cores
//===----------------------------------------------------------------------===//

#if defined(__x86_64__)
/// Bits of an APIC id that tell the hardware threads of one core apart; 0 without SMT.
static uint32_t smtShift() {
  uint32_t eax, ebx, ecx, edx;
  if (!__get_cpuid_count(0xb, 0, &eax, &ebx, &ecx, &edx) || ebx < 2)
    return 0;
  return eax & 31;
}

/// Distinct cores of `allowed`, by asking each CPU for its APIC id. The only
/// way that needs no file; costs a migration a CPU.
static int32_t countCores(const cpu_set_t &allowed, uint32_t shift) {
  constexpr int32_t kMost = 1024;
  uint32_t cores[kMost];
  int32_t count = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE && count < kMost; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed))
      continue;
    cpu_set_t one;
    memset(&one, 0, sizeof(one));
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0)
      continue;
    uint32_t eax, ebx, ecx, apic = 0;
    __get_cpuid_count(0xb, 0, &eax, &ebx, &ecx, &apic);
    int32_t i = 0;
    while (i < count && cores[i] != apic >> shift)
      ++i;
    if (i == count)
      cores[count++] = apic >> shift;
  }
  sched_setaffinity(0, sizeof(allowed), &allowed);
  return count;
}
#endif

int32_t physicalCores() {
  cpu_set_t allowed;
  memset(&allowed, 0, sizeof(allowed));
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0)
    return 1;
  int32_t count = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    count += CPU_ISSET(cpu, &allowed) ? 1 : 0;
#if defined(__x86_64__)
  if (uint32_t shift = smtShift())
    count = countCores(allowed, shift);
#endif
  int32_t quota = quotaCores(/*root=*/"");
  count = count < quota ? count : quota;
  return count > 0 ? count : 1;
}

uint64_t reportedCpuFeatures() {
#if defined(__aarch64__)
  // The kernel's names are in headers that musl comes without.
  constexpr unsigned long kAsimd = 1ul << 1, kAsimdDotProduct = 1ul << 20, kI8mm = 1ul << 13; // the last one of HWCAP2
  const unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
  return (first & kAsimd ? PHI_CPU_NEON : 0) | (first & kAsimdDotProduct ? PHI_CPU_DOTPROD : 0) |
         (second & kI8mm ? PHI_CPU_I8MM : 0);
#else
  return 0;
#endif
}

//===----------------------------------------------------------------------===//
// Measures
//===----------------------------------------------------------------------===//

uint64_t peakResidentBytes() {
  // Not getrusage's: that begins with what the process that forked this one had.
  Lines status("/proc/self/status");
  constexpr char kName[] = "VmHWM:";
  while (status.next())
    if (Text(status.text).startsWith(kName)) {
      uint64_t kib = 0;
      for (const char *at = status.text + sizeof(kName) - 1; *at; ++at)
        if (*at >= '0' && *at <= '9')
          kib = kib * 10 + uint64_t(*at - '0');
      return kib * 1024;
    }
  return 0;
}

uint64_t randomSeed() {
  uint64_t seed = 0;
  if (syscall(SYS_getrandom, &seed, sizeof(seed), 0) != long(sizeof(seed)))
    seed = uint64_t(now() * 1e9);
  return seed;
}

} // namespace phi::os
