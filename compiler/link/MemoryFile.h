//===- MemoryFile.h - Files of this process alone --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lld takes and makes files by name. These have one, as long as they live, and are in
// no folder: nothing is left behind however phic ends, and no disk can be full.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_MEMORYFILE_H
#define PHIC_COMPILER_LINK_MEMORYFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <thread>

namespace phic {

/// A file for others to read.
class MemoryFile {
public:
  /// `title` shows in /proc only.
  static llvm::Expected<MemoryFile> create(const char *title, llvm::ArrayRef<char> bytes = {});
  MemoryFile(MemoryFile &&other) : fd(std::exchange(other.fd, -1)) {}
  ~MemoryFile();
  /// For open(2) in this process.
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd); }

private:
  explicit MemoryFile(int fd) : fd(fd) {}
  int fd;
};

/// A file for another to write, once: a pipe, since lld takes a regular file's name for one it can add to.
class MemorySink {
public:
  static llvm::Expected<std::unique_ptr<MemorySink>> create();
  ~MemorySink();
  std::string path() const { return "/proc/self/fd/" + std::to_string(writeEnd); }
  /// What was written; nobody can write any more.
  std::string finish();

private:
  MemorySink(int readEnd, int writeEnd);
  void read();
  int readEnd, writeEnd;
  std::string bytes;
  std::thread reader;
};

} // namespace phic

#endif // PHIC_COMPILER_LINK_MEMORYFILE_H
