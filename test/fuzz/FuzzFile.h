//===- FuzzFile.h - A fuzzer's input as a file -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_FUZZ_FUZZFILE_H
#define PHIC_TEST_FUZZ_FUZZFILE_H

#include <cstdint>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

namespace phic::fuzz {

/// A file in memory, as long as this lives; for readers that want a path.
class FuzzFile {
public:
  FuzzFile(const uint8_t *data, size_t size) : file(memfd_create("fuzz", MFD_CLOEXEC)) {
    if (file < 0 || write(file, data, size) != ssize_t(size))
      std::abort();
  }
  FuzzFile(const FuzzFile &) = delete;
  ~FuzzFile() { close(file); }

  std::string path() const { return "/proc/self/fd/" + std::to_string(file); }

private:
  int file;
};

} // namespace phic::fuzz

#endif // PHIC_TEST_FUZZ_FUZZFILE_H
