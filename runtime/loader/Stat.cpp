//===- Stat.cpp - Files' status from the kernel ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// glibc has exported stat and fstat since 2.33 only; before, headers of its own called something else. musl's struct is
// the kernel's on x86-64 and ARM.
//===----------------------------------------------------------------------===//
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int stat(const char *path, struct stat *status) {
  return int(syscall(SYS_newfstatat, AT_FDCWD, path, status, /*flags=*/0));
}

int fstat(int file, struct stat *status) { return int(syscall(SYS_fstat, file, status)); }
