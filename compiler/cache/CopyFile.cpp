//===- CopyFile.cpp - Copies that share blocks where they can --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/cache/CopyFile.h"
#include "llvm/Support/FileSystem.h"
#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace phic {
namespace {

std::error_code lastError() { return {errno, std::generic_category()}; }

std::error_code copy(int from, int to) {
  if (::ioctl(to, FICLONE, from) == 0)
    return {};
  while (true) {
    ssize_t count = ::copy_file_range(from, nullptr, to, nullptr, size_t(1) << 30, 0);
    if (count == 0)
      return {};
    if (count < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP))
      return llvm::sys::fs::copy_file(("/proc/self/fd/" + std::to_string(from)), to);
    if (count < 0 && errno != EINTR)
      return lastError();
  }
}

} // namespace

std::error_code copyContents(const std::string &from, int to) {
  int source = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  if (source < 0)
    return lastError();
  std::error_code failure = copy(source, to);
  ::close(source);
  return failure;
}

std::error_code copyFile(const std::string &from, const std::string &to) {
  int target = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
  if (target < 0)
    return lastError();
  std::error_code failure = copyContents(from, target);
  if (::close(target) != 0 && !failure)
    failure = lastError();
  return failure;
}

} // namespace phic
