//===- InputFiles.cpp - Every file that a compilation read -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/InputFiles.h"
#include <sys/stat.h>

namespace phic {
namespace {
int64_t nanoseconds(const timespec &time) { return int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec; }
} // namespace

FileState FileState::of(const std::string &path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0)
    return {};
  return {true,
          uint64_t(status.st_dev),
          uint64_t(status.st_ino),
          uint64_t(status.st_size),
          nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}

bool InputFiles::look(const llvm::Twine &path) {
  auto [entry, isNew] = files.try_emplace(path.str());
  if (isNew)
    entry->second = FileState::of(entry->first);
  return entry->second.exists;
}

} // namespace phic
