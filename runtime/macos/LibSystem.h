//===- LibSystem.h - What the runtime takes of macOS -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The functions of /usr/lib/libSystem.B.dylib that the runtime calls, all of them documented ones, with the types and
// constants they take, of macOS on ARM: there is no Apple SDK where programs for it are made. LibSystem.tbd lists their
// symbols. Names are POSIX's, so that Os_posix.cpp reads the same on every system; values are not Linux's.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_MACOS_LIBSYSTEM_H
#define PHI_RUNTIME_MACOS_LIBSYSTEM_H

#include <stddef.h>
#include <stdint.h>

using off_t = int64_t;
using ssize_t = long;
using clockid_t = uint32_t;
using sigset_t = uint32_t; // a bit a signal, signal 1 the lowest

struct timespec {
  long tv_sec;
  long tv_nsec;
};

constexpr int EINTR = 4, EINVAL = 22;
constexpr int O_RDONLY = 0, O_WRONLY = 1, O_CREAT = 0x200, O_TRUNC = 0x400, O_CLOEXEC = 0x1000000;
constexpr int SEEK_END = 2;
constexpr int PROT_READ = 1, PROT_WRITE = 2;
constexpr int MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_NORESERVE = 0x40, MAP_ANONYMOUS = 0x1000;
inline void *const MAP_FAILED = reinterpret_cast<void *>(-1l);
constexpr clockid_t CLOCK_MONOTONIC = 6, CLOCK_PROCESS_CPUTIME_ID = 12;
constexpr int SIGHUP = 1, SIGINT = 2, SIGBUS = 10, SIGPIPE = 13, SIGTERM = 15, SIGXFSZ = 25, SIG_SETMASK = 3;
inline const auto SIG_IGN = reinterpret_cast<void (*)(int)>(1);
constexpr int RUSAGE_SELF = 0;

/// The first field tells an object that was initialized; the rest is the system's.
struct pthread_attr_t {
  long signature;
  char rest[56];
};
struct pthread_mutex_t {
  long signature;
  char rest[56];
};
struct pthread_cond_t {
  long signature;
  char rest[40];
};
using pthread_t = struct OpaqueThread *;

struct sigaction {
  void (*sa_handler)(int);
  sigset_t sa_mask;
  int sa_flags;
};

struct rusage {
  long times[4]; ///< user and system time, each seconds and microseconds
  long ru_maxrss; ///< in bytes, unlike elsewhere
  long counts[13];
};

struct Dl_info {
  const char *dli_fname;
  void *dli_fbase;
  const char *dli_sname;
  void *dli_saddr;
};

struct stat {
  int32_t st_dev;
  uint16_t st_mode, links;
  uint64_t st_ino;
  uint32_t user, group;
  int32_t deviceOfSpecialFile, padding;
  timespec times[4];
  int64_t bytes, blocks;
  int32_t numbers[4];
  int64_t reserved[2];
};
constexpr bool S_ISREG(uint16_t mode) { return (mode & 0170000) == 0100000; }

static_assert(sizeof(struct stat) == 144 && offsetof(struct stat, st_ino) == 8 && offsetof(struct stat, times) == 32);
static_assert(sizeof(long) == 8 && sizeof(timespec) == 16 && sizeof(struct sigaction) == 16 && sizeof(rusage) == 144);
static_assert(sizeof(pthread_attr_t) == 64 && sizeof(pthread_mutex_t) == 64 && sizeof(pthread_cond_t) == 48);

extern "C" {
int *__error(void);
// On ARM, macOS passes what stands for `...` on the stack: declared without it, `mode` would arrive as anything.
int open(const char *path, int flags, ...);
ssize_t read(int file, void *bytes, size_t count);
ssize_t write(int file, const void *bytes, size_t count);
off_t lseek(int file, off_t offset, int whence);
int close(int file);
int unlink(const char *path);
int isatty(int file);
int stat(const char *path, struct stat *status);
int fstat(int file, struct stat *status);
[[noreturn]] void _exit(int code);

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset);
int munmap(void *address, size_t bytes);

int clock_gettime(clockid_t clock, timespec *time);
int getrusage(int who, rusage *usage);
int getentropy(void *bytes, size_t count);
int sysctlbyname(const char *name, void *value, size_t *bytes, void *newValue, size_t newBytes);
int dladdr(const void *address, Dl_info *info);

int sigaction(int signal, const struct sigaction *action, struct sigaction *before);
int pthread_sigmask(int how, const sigset_t *mask, sigset_t *before);

int pthread_attr_init(pthread_attr_t *settings);
int pthread_attr_setstacksize(pthread_attr_t *settings, size_t bytes);
int pthread_attr_destroy(pthread_attr_t *settings);
int pthread_create(pthread_t *thread, const pthread_attr_t *settings, void *(*body)(void *), void *argument);
int pthread_join(pthread_t thread, void **result);
int sched_yield(void);
int pthread_mutex_init(pthread_mutex_t *mutex, const void *settings);
int pthread_mutex_lock(pthread_mutex_t *mutex);
int pthread_mutex_unlock(pthread_mutex_t *mutex);
int pthread_mutex_destroy(pthread_mutex_t *mutex);
int pthread_cond_init(pthread_cond_t *condition, const void *settings);
int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex);
int pthread_cond_broadcast(pthread_cond_t *condition);
int pthread_cond_destroy(pthread_cond_t *condition);
}

#define errno (*__error())

// Macros in Apple's headers.
inline int sigfillset(sigset_t *set) { return *set = ~sigset_t(0), 0; }
inline int sigdelset(sigset_t *set, int signal) { return *set &= ~(sigset_t(1) << (signal - 1)), 0; }

#endif // PHI_RUNTIME_MACOS_LIBSYSTEM_H
