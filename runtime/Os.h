//===- Os.h - All that the runtime asks of a system ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Os_posix.cpp, Signals_posix.cpp and one file a system (Os_linux.cpp, Os_macos.cpp)
// implement this; nothing else in the runtime includes a system header. Nothing
// here needs a file to exist: programs run in an empty root directory.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_OS_H
#define PHI_RUNTIME_OS_H

#include <stddef.h>
#include <stdint.h>

namespace phi::os {

/// Zeroed, page-aligned address space that takes memory only where it is touched; nullptr on failure.
uint8_t *reserve(size_t bytes);
void release(const uint8_t *memory, size_t bytes);
/// A whole file, read only; nullptr, with a reason, on failure or when it is empty. Later changes of the file show.
const uint8_t *mapFile(const char *path, uint64_t *bytes, const char **reason);
/// The path of the file that was loaded at this address: the program's, or a shared library's. False if unknown.
bool fileOf(const void *address, char *path, size_t capacity);
constexpr size_t kPathBytes = 4096;
/// Touching one byte shall take one small page, not a huge one: for sparsely filled ranges.
void keepPagesSmall(uint8_t *memory, size_t bytes);
/// May take as few large pages as fit into it, before it is touched: for what is filled from one end to the other.
void makePagesLarge(uint8_t *memory, size_t bytes);
/// Of a file that is mapped and was not written to: they come back from it when they are touched.
void dropPages(const uint8_t *memory, size_t bytes);

/// A running thread; joinThread waits for its end.
struct Thread {
  void (*body)(void *);
  void *argument;
  uintptr_t handle;
};
/// Starts `thread->body(thread->argument)`; `thread` must outlive it. False on failure.
bool startThread(Thread *thread);
void joinThread(Thread *thread);
/// The logical CPU that the caller runs on; -1 where the system does not tell.
int32_t currentCore();
/// Lets another thread that waits for this core have it; returns at once when there is none.
void offerCore();

/// Where threads sleep: room for a lock and a condition, on systems that offer nothing better for waiting.
struct alignas(16) Gate {
  uint8_t room[128];
};
void openGate(Gate *gate);
void closeGate(Gate *gate);
/// Sleeps while *word == expected, until woken; may return early.
void sleepOn(Gate *gate, const uint32_t *word, uint32_t expected);
/// After *word was changed.
void wakeAll(Gate *gate, const uint32_t *word);

/// Cores this process may run on, hardware threads of a core counted once and a CPU quota respected. At least 1.
int32_t physicalCores();

/// PHI_CPU_* bits that only the system can tell (ARM); 0 where the processor is asked itself.
uint64_t reportedCpuFeatures();

/// Seconds of a steady clock.
double now();
/// now() at which the process began, as well as can be told from within.
double processStart();
/// Most memory that the process has had at a time; 0 where that cannot be known.
uint64_t peakResidentBytes();
/// A seed that differs from run to run.
uint64_t randomSeed();

constexpr int kStandardInput = 0, kStandardOutput = 1, kStandardError = 2;

/// Writes all of it; false when the other side is gone or the disk is full.
bool writeAll(int file, const void *bytes, size_t count);
/// Bytes read, 0 at the end, -1 on failure or when interrupted by a signal.
int64_t readSome(int file, void *bytes, size_t capacity);
/// -1 on failure. Never one of the standard descriptors, even where the caller has closed them: what is printed would go
/// into the file.
int openForReading(const char *path);
int createFile(const char *path);
bool closeFile(int file);
void removeFile(const char *path);
bool isTerminal(int file);
/// What tells one file from all others, whatever it is called.
struct FileId {
  uint64_t device, inode;
};
/// False where there is no such file, and for what is no file of its own: a terminal, a pipe, a device.
bool idOfFile(const char *path, FileId *id);
bool idOfFile(int file, FileId *id);
/// In words, why the last call failed.
const char *lastError();

/// Calls `handler` with the number of a signal that is to end the process (SIGINT, SIGTERM, SIGHUP): it may remove files
/// and exit. From here on, a write that no one reads or that a limit forbids fails, instead of ending the process.
void onEnd(void (*handler)(int signal));
/// Calls `handler` on Ctrl-C; reads are then interrupted. The handler may only set a flag or exit.
void onInterrupt(void (*handler)());
/// Calls `handler` when mapped memory turns out to have no file behind it (a program cut short).
void onMissingPage(void (*handler)());
[[noreturn]] void exitNow(int code);

// Os_dynamic.cpp, of Linux: in programs that are linked with the system's C library, of which they import dlopen, dlsym,
// getenv and access (in glibc since 2.2.5; on aarch64 since its first, 2.17).

/// A library of the system's, by its name, which stays until the process ends; nullptr: there is none.
void *openLibrary(const char *name);
void *findSymbol(void *library, const char *name);
/// A variable's value; nullptr: it is not set.
const char *environment(const char *name);
/// Whether files can be made in a folder, which may have to be made first.
bool takesFiles(const char *folder);

} // namespace phi::os

#endif // PHI_RUNTIME_OS_H
