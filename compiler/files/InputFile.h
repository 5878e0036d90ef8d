//===- InputFile.h - The one way to open what is read ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A name may lead anywhere: to a pipe that nobody writes to, a device without end, a
// folder. Only regular files are inputs; nothing else is waited for or read, and what
// is read as a whole has a limit. Errors are a user's sentence: "cannot read tiles.json:
// it is no regular file".
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_FILES_INPUTFILE_H
#define PHIC_COMPILER_FILES_INPUTFILE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstdint>
#include <memory>
#include <string>

namespace phic {

/// Of configurations, tokenizers, templates, tables of tiles: ten times the largest that are published.
constexpr uint64_t kMostTextBytes = uint64_t(1) << 28;
/// Of IR, which holds no weights.
constexpr uint64_t kMostIrBytes = uint64_t(1) << 31;

/// An open regular file.
class InputFile {
public:
  static llvm::Expected<InputFile> open(const llvm::Twine &path);
  InputFile(InputFile &&other);
  InputFile &operator=(InputFile &&) = delete;
  ~InputFile();

  int descriptor() const { return fd; }
  uint64_t size() const { return bytes; }
  /// All of it; the buffer lives on without the file.
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> map() const;

private:
  InputFile(std::string path, int fd, uint64_t bytes) : path(std::move(path)), fd(fd), bytes(bytes) {}
  std::string path;
  int fd = -1;
  uint64_t bytes = 0;
};

/// A file of any size, mapped.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> mapInput(const llvm::Twine &path);
/// A file that is to be parsed into memory.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> readInput(const llvm::Twine &path, uint64_t most = kMostTextBytes);
/// At most the first `count` bytes; none where there is no such file.
std::string headOf(const llvm::Twine &path, size_t count);

} // namespace phic

#endif // PHIC_COMPILER_FILES_INPUTFILE_H
