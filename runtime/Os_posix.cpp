//===- Os_posix.cpp - What systems do alike ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory, threads, clocks and files of Linux and macOS. Only functions that pull in little of a static libc are used:
// no stdio, no malloc.
//===----------------------------------------------------------------------===//
#include "Os.h"
#include "Posix.h"

#include <string.h>

namespace phi::os {

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

uint8_t *reserve(size_t bytes) {
  void *memory =
      mmap(nullptr, bytes ? bytes : 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<uint8_t *>(memory);
}

void release(const uint8_t *memory, size_t bytes) { munmap(const_cast<uint8_t *>(memory), bytes ? bytes : 1); }

const uint8_t *mapFile(const char *path, uint64_t *bytes, const char **reason) {
  FileId id;
  errno = 0;
  if (!idOfFile(path, &id)) { // it cannot be mapped, and a pipe would be waited for
    *reason = errno ? lastError() : "it is no regular file";
    return nullptr;
  }
  int file = openForReading(path);
  off_t size = file < 0 ? -1 : lseek(file, 0, SEEK_END);
  void *memory = size > 0 ? mmap(nullptr, size_t(size), PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
  *reason = size == 0 ? "it is empty" : lastError();
  if (file >= 0)
    closeFile(file);
  *bytes = uint64_t(size);
  return memory == MAP_FAILED ? nullptr : static_cast<const uint8_t *>(memory);
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

/// musl's default of 128 KiB is little, glibc's of 8 MiB is much.
constexpr size_t kStackBytes = size_t(1) << 20;

static void *threadMain(void *argument) {
  auto *thread = static_cast<Thread *>(argument);
  thread->body(thread->argument);
  return nullptr;
}

bool startThread(Thread *thread) {
  static_assert(sizeof(pthread_t) == sizeof(thread->handle));
  // Signals are for the main thread: a worker must not be the one that a Ctrl-C interrupts.
  sigset_t all, before;
  sigfillset(&all);
  sigdelset(&all, SIGBUS);
  // Of this size or less in every C library that code built with musl's headers may meet.
  union {
    pthread_attr_t settings;
    char room[256];
  };
  if (pthread_attr_init(&settings) != 0)
    return false;
  pthread_attr_setstacksize(&settings, kStackBytes);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t handle;
  bool started = pthread_create(&handle, &settings, threadMain, thread) == 0;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&settings);
  if (started)
    memcpy(&thread->handle, &handle, sizeof(handle));
  return started;
}

void joinThread(Thread *thread) {
  pthread_t handle;
  memcpy(&handle, &thread->handle, sizeof(handle));
  pthread_join(handle, nullptr);
}

void offerCore() { sched_yield(); }

//===----------------------------------------------------------------------===//
// Clocks
//===----------------------------------------------------------------------===//

static double readClock(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return double(time.tv_sec) + double(time.tv_nsec) * 1e-9;
}

double now() { return readClock(CLOCK_MONOTONIC); }

double processStart() {
  // What the process has computed so far is what passed since exec: a start does not wait for anything.
  return now() - readClock(CLOCK_PROCESS_CPUTIME_ID);
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// macOS refuses to read or write 2 GiB at once.
constexpr size_t kMostBytes = size_t(1) << 30;

bool writeAll(int file, const void *bytes, size_t count) {
  auto *next = static_cast<const char *>(bytes);
  while (count) {
    ssize_t written = write(file, next, count < kMostBytes ? count : kMostBytes);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return false;
    next += written;
    count -= size_t(written);
  }
  return true;
}

int64_t readSome(int file, void *bytes, size_t capacity) {
  return read(file, bytes, capacity < kMostBytes ? capacity : kMostBytes);
}

static int openFile(const char *path, int flags) {
  int file = open(path, flags | O_CLOEXEC, 0666);
  if (file < 0 || file > kStandardError)
    return file;
  int other = openFile(path, flags); // as long as this number is taken, another one
  close(file);
  return other;
}
int openForReading(const char *path) { return openFile(path, O_RDONLY); }
int createFile(const char *path) { return openFile(path, O_WRONLY | O_CREAT | O_TRUNC); }
bool closeFile(int file) { return close(file) == 0; }
void removeFile(const char *path) { unlink(path); }
bool isTerminal(int file) { return isatty(file) == 1; }

static bool idOf(const struct stat &status, FileId *id) {
  *id = {uint64_t(status.st_dev), uint64_t(status.st_ino)};
  return S_ISREG(status.st_mode);
}
bool idOfFile(const char *path, FileId *id) {
  struct stat status;
  return stat(path, &status) == 0 && idOf(status, id);
}
bool idOfFile(int file, FileId *id) {
  struct stat status;
  return fstat(file, &status) == 0 && idOf(status, id);
}

const char *lastError() { return strerror(errno); }

void exitNow(int code) { _exit(code); }

} // namespace phi::os
