//===- SystemText.h - What Linux says in text files ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files of /proc and /sys, for Os_linux.cpp. Any of them may be missing: programs run in an empty root directory too.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_SYSTEMTEXT_H
#define PHI_RUNTIME_SYSTEMTEXT_H

#include "Os.h"

namespace phi::os {

/// The lines of a file, one after the other, each ending in a zero; what is longer than a path and a little is cut.
struct Lines {
  explicit Lines(const char *path) : file(openForReading(path)) {}
  ~Lines() {
    if (file >= 0)
      closeFile(file);
  }
  /// The next one, without its end, in `text`. False at the end.
  bool next();

  char text[kPathBytes + 128];

private:
  int file;
  int64_t at = 0, got = 0;
  char block[1024];
};

/// CPUs that the quotas of this process's control groups (of version 1 or 2, and of all groups around them) allow, rounded
/// up; INT32_MAX without one. `root` is the system's root directory, "" but in tests.
int32_t quotaCores(const char *root);

} // namespace phi::os

#endif // PHI_RUNTIME_SYSTEMTEXT_H
