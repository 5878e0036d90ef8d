//===- FileHash.h - Contents of files as keys ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A cache key needs the contents of every input, but a weight file of gigabytes
// should be read once, not at every build. The hash of a large file is noted
// under its path together with the file's state; the note counts while the state
// is the same. Times of files tick coarsely: a file that was written within two
// seconds of being hashed could be written again without a trace, so it gets no note.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_CACHE_FILEHASH_H
#define PHIC_COMPILER_CACHE_FILEHASH_H

#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace phic {

/// Nanoseconds since the epoch, by the clock that files are stamped with.
int64_t fileClockNow();

/// BLAKE3 of a text, in hexadecimal.
std::string hashOf(llvm::StringRef text);

class FileHasher {
public:
  /// Notes lie in `folder`; without one, every hash reads the file.
  explicit FileHasher(std::string folder) : folder(std::move(folder)) {}

  /// BLAKE3 of the file's content, in hexadecimal; none when it cannot be read, or changed meanwhile.
  std::optional<std::string> hash(const std::string &path) const;

private:
  std::string notePath(const std::string &path) const;
  std::string folder;
};

} // namespace phic

#endif // PHIC_COMPILER_CACHE_FILEHASH_H
