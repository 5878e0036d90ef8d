//===- FuzzFolder.h - A fuzzer's own folder --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_FUZZ_FUZZFOLDER_H
#define PHIC_TEST_FUZZ_FUZZFOLDER_H

#include <cstdlib>
#include <filesystem>
#include <string>
#include <unistd.h>

namespace phic::fuzz {

/// In memory where there is such a file system; gone when the process ends.
inline const std::filesystem::path &folder() {
  static const std::filesystem::path made = [] {
    std::filesystem::path path =
        std::filesystem::exists("/dev/shm") ? "/dev/shm" : std::filesystem::temp_directory_path();
    path /= "phic-fuzz-" + std::to_string(getpid());
    std::filesystem::create_directory(path);
    std::atexit([] { std::filesystem::remove_all(folder()); });
    return path;
  }();
  return made;
}

} // namespace phic::fuzz

#endif // PHIC_TEST_FUZZ_FUZZFOLDER_H
