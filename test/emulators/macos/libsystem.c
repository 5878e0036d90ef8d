// libsystem.c - What a program for macOS calls, on Linux. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of runtime/macos/LibSystem.tbd with macOS's numbers and structs, written anew here rather than taken from
// the runtime: what one side has wrong, the other does not know. A value that macOS would not take ends the program.
#include "image.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int *errorPlace(void) { return &errno; }

// The bits that `pairs` translates; any other ends the program.
static int translated(int flags, const int (*pairs)[2], int count, const char *what) {
  int result = 0;
  for (int i = 0; i < count; ++i)
    if (flags & pairs[i][0]) {
      result |= pairs[i][1];
      flags &= ~pairs[i][0];
    }
  if (flags)
    refuse("flags that this macOS does not know", what);
  return result;
}

// macOS passes what stands for `...` on the stack, where this system's ninth argument is.
static int macOpen(const char *path, int flags, long x2, long x3, long x4, long x5, long x6, long x7, int mode) {
  static const int kPairs[][2] = {{1, O_WRONLY},    {2, O_RDWR},     {0x200, O_CREAT},
                                  {0x400, O_TRUNC}, {0x800, O_EXCL}, {0x1000000, O_CLOEXEC}};
  return open(path, translated(flags, kPairs, 6, "open"), (flags & 0x200) ? mode : 0);
}

static ssize_t macRead(int file, void *bytes, size_t count) {
  return count > INT_MAX ? (errno = EINVAL, -1) : read(file, bytes, count);
}

static ssize_t macWrite(int file, const void *bytes, size_t count) {
  return count > INT_MAX ? (errno = EINVAL, -1) : write(file, bytes, count);
}

static void *macMmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
  static const int kPairs[][2] = {{1, MAP_SHARED}, {2, MAP_PRIVATE}, {0x40, MAP_NORESERVE}, {0x1000, MAP_ANONYMOUS}};
  if (protection & ~(PROT_READ | PROT_WRITE) || offset % 16384)
    refuse("a mapping that macOS would not make", "mmap");
  return mmap(address, bytes, protection, translated(flags, kPairs, 4, "mmap"), file, offset);
}

// macOS's struct stat on ARM: 144 bytes.
struct MacStat {
  int32_t device;
  uint16_t mode, links;
  uint64_t inode;
  uint32_t rest[32];
};

static int macStatOf(const struct stat *own, struct MacStat *status) {
  memset(status, 0, sizeof(*status));
  status->device = (int32_t)own->st_dev;
  status->mode = (uint16_t)own->st_mode;
  status->links = (uint16_t)own->st_nlink;
  status->inode = own->st_ino;
  return 0;
}

static int macStat(const char *path, struct MacStat *status) {
  struct stat own;
  return stat(path, &own) ? -1 : macStatOf(&own, status);
}

static int macFstat(int file, struct MacStat *status) {
  struct stat own;
  return fstat(file, &own) ? -1 : macStatOf(&own, status);
}

static int macClock(uint32_t clock, struct timespec *time) {
  if (clock != 6 && clock != 12)
    refuse("a clock that this macOS does not have", "clock_gettime");
  return clock_gettime(clock == 6 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, time);
}

struct MacUsage {
  struct {
    int64_t seconds;
    int32_t microseconds;
  } user, system;
  int64_t mostResident, others[13];
};

static int macUsage(int who, struct MacUsage *usage) {
  struct rusage own;
  if (who != 0 || getrusage(RUSAGE_SELF, &own) != 0)
    return -1;
  memset(usage, 0, sizeof(*usage));
  usage->mostResident = own.ru_maxrss * 1024;
  return 0;
}

// Of 4 bytes each, as macOS has them.
static int macNumber(const char *name, void *value, size_t *bytes, const void *newValue, size_t newBytes) {
  int32_t number;
  if (newValue || newBytes || *bytes < sizeof(number))
    refuse("what macOS would not answer", name);
  if (!strcmp(name, "hw.perflevel0.physicalcpu") || !strcmp(name, "hw.physicalcpu"))
    number = (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
  else if (!strcmp(name, "hw.optional.arm.FEAT_DotProd"))
    number = getauxval(AT_HWCAP) >> 20 & 1;
  else if (!strcmp(name, "hw.optional.arm.FEAT_I8MM"))
    number = getauxval(AT_HWCAP2) >> 13 & 1;
  else
    return errno = ENOENT, -1;
  memcpy(value, &number, *bytes = sizeof(number));
  return 0;
}

struct MacInfo {
  const char *file;
  void *base;
  const char *symbol;
  void *symbolAddress;
};

static int macAddress(const void *address, struct MacInfo *info) {
  if ((const uint8_t *)address < theImage.base || (const uint8_t *)address >= theImage.base + theImage.bytes)
    return 0;
  *info = (struct MacInfo){theImage.path, theImage.base, NULL, NULL};
  return 1;
}

static int linuxSignal(int signal) { return signal == 10 ? SIGBUS : signal; }

struct MacAction {
  void (*handler)(int);
  uint32_t mask;
  int flags;
};

static void (*handlers[32])(int);
static void onSignal(int signal) { handlers[signal == SIGBUS ? 10 : signal](signal == SIGBUS ? 10 : signal); }

static int macAction(int signal, const struct MacAction *action, struct MacAction *before) {
  // SIGHUP, SIGINT, SIGBUS, SIGPIPE, SIGTERM, SIGXFSZ; 1 is SIG_IGN.
  const uint32_t known = 1u << 1 | 1u << 2 | 1u << 10 | 1u << 13 | 1u << 15 | 1u << 25;
  if (signal < 0 || signal > 31 || !(known >> signal & 1) || (action && (action->flags || action->mask)))
    refuse("a signal's action that this macOS does not know", "sigaction");
  struct sigaction old, own = {.sa_handler = onSignal};
  if (sigaction(linuxSignal(signal), NULL, &old) != 0)
    return -1;
  if (before)
    *before = (struct MacAction){old.sa_handler == SIG_IGN ? (void (*)(int))1 : handlers[signal], 0, 0};
  if (!action)
    return 0;
  handlers[signal] = action->handler;
  if (action->handler == (void (*)(int))1)
    own.sa_handler = SIG_IGN;
  return sigaction(linuxSignal(signal), &own, NULL);
}

static int macMask(int how, const uint32_t *mask, uint32_t *before) {
  if (how != 3)
    refuse("a mask's use that macOS does not know", "pthread_sigmask");
  sigset_t set, old;
  sigemptyset(&set);
  for (int signal = 1; signal < 32; ++signal)
    if (*mask >> (signal - 1) & 1)
      sigaddset(&set, linuxSignal(signal));
  int failure = pthread_sigmask(SIG_SETMASK, &set, &old);
  if (before)
    for (int signal = *before = 0; ++signal < 32;)
      *before |= (uint32_t)(sigismember(&old, linuxSignal(signal)) == 1) << (signal - 1);
  return failure;
}

static void fillPattern(void *to, const void *pattern, size_t bytes) {
  for (size_t at = 0; at < bytes; ++at)
    ((uint8_t *)to)[at] = ((const uint8_t *)pattern)[at % 16];
}

static void clear(void *to, size_t bytes) { memset(to, 0, bytes); }

// The program's objects of macOS's sizes hold this system's.
_Static_assert(sizeof(pthread_attr_t) <= 64 && sizeof(pthread_mutex_t) <= 64 && sizeof(pthread_cond_t) <= 48,
               "they fit");

static const struct {
  const char *name;
  void *function;
} kSymbols[] = {
    {"___error", errorPlace},
    {"__exit", _exit},
    {"_bzero", clear},
    {"_clock_gettime", macClock},
    {"_close", close},
    {"_dladdr", macAddress},
    {"_getentropy", getentropy},
    {"_getrusage", macUsage},
    {"_isatty", isatty},
    {"_stat", macStat},
    {"_fstat", macFstat},
    {"_lseek", lseek},
    {"_memcmp", memcmp},
    {"_memcpy", memcpy},
    {"_memmove", memmove},
    {"_memset", memset},
    {"_memset_pattern16", fillPattern},
    {"_mmap", macMmap},
    {"_munmap", munmap},
    {"_open", macOpen},
    {"_pthread_attr_destroy", pthread_attr_destroy},
    {"_pthread_attr_init", pthread_attr_init},
    {"_pthread_attr_setstacksize", pthread_attr_setstacksize},
    {"_pthread_cond_broadcast", pthread_cond_broadcast},
    {"_pthread_cond_destroy", pthread_cond_destroy},
    {"_pthread_cond_init", pthread_cond_init},
    {"_pthread_cond_wait", pthread_cond_wait},
    {"_pthread_create", pthread_create},
    {"_pthread_join", pthread_join},
    {"_pthread_mutex_destroy", pthread_mutex_destroy},
    {"_pthread_mutex_init", pthread_mutex_init},
    {"_pthread_mutex_lock", pthread_mutex_lock},
    {"_pthread_mutex_unlock", pthread_mutex_unlock},
    {"_pthread_sigmask", macMask},
    {"_read", macRead},
    {"_sched_yield", sched_yield},
    {"_sigaction", macAction},
    {"_strchr", strchr},
    {"_strcmp", strcmp},
    {"_strerror", strerror},
    {"_strlen", strlen},
    {"_strrchr", strrchr},
    {"_sysctlbyname", macNumber},
    {"_unlink", unlink},
    {"_write", macWrite},
};

uint64_t libSystemSymbol(const char *name) {
  for (size_t i = 0; i < sizeof(kSymbols) / sizeof(kSymbols[0]); ++i)
    if (strcmp(kSymbols[i].name, name) == 0)
      return (uint64_t)kSymbols[i].function;
  return 0;
}
