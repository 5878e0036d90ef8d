//===- InputFiles.h - Every file that a compilation read -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whoever opens a file that the output depends on says so here, before opening
// it: depfiles name these files, the compile cache compares their contents. A
// file that was looked for in vain counts too: the output depends on its absence.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_FILES_INPUTFILES_H
#define PHIC_COMPILER_FILES_INPUTFILES_H

#include "llvm/ADT/Twine.h"
#include <cstdint>
#include <map>
#include <string>
#include <tuple>

namespace phic {

/// What tells one state of a file from another without reading it.
struct FileState {
  bool exists = false;
  uint64_t device = 0, inode = 0, size = 0;
  int64_t modified = 0, changed = 0; ///< nanoseconds since the epoch; `changed` moves with any write, and cannot be set
  bool operator==(const FileState &) const = default;

  static FileState of(const std::string &path);
  /// Whether a write at `when` or later must have left another state behind: clocks of files tick coarsely.
  bool settledBefore(int64_t when, int64_t margin) const { return modified + margin < when && changed + margin < when; }
};

class InputFiles {
public:
  /// Notes `path`, in the state it is in now; whether there is such a file.
  bool look(const llvm::Twine &path);
  /// By path as it was opened, in the state first seen.
  const std::map<std::string, FileState> &all() const { return files; }

private:
  std::map<std::string, FileState> files;
};

/// For those who are not always asked to keep record.
inline bool look(InputFiles *inputs, const llvm::Twine &path) {
  return inputs ? inputs->look(path) : FileState::of(path.str()).exists;
}

} // namespace phic

#endif // PHIC_COMPILER_FILES_INPUTFILES_H
