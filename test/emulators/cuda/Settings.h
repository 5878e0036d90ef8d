//===- Settings.h - What the environment says of the device --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Variables named PHIC_CUDA_...; README.md lists them.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_SETTINGS_H
#define PHIC_TEST_EMULATORS_CUDA_SETTINGS_H

#include <cstdint>
#include <string>

namespace ptx {

struct Settings {
  uint64_t seed = 0;
  unsigned capability = 80;
  unsigned driver = 13000;        ///< 1000 * major + 10 * minor
  uint64_t memory = 16ull << 30;
  unsigned devices = 1;
  uint64_t failLaunch = 0;        ///< the n-th launch loses the device; 0: none
  unsigned jitMilliseconds = 0;   ///< what loading a module takes longer
  unsigned multiprocessors = 4;
  unsigned resident = 8;          ///< CTAs at work at once
  uint64_t mostInstructions = 1ull << 32;
  std::string counters;           ///< a file for them
};

/// False, with a sentence in `error`, if a variable makes no sense.
bool readSettings(Settings &settings, std::string &error);

/// The newest PTX, as 70 for 7.0, that a driver of the version takes.
unsigned newestPtx(unsigned driver);

} // namespace ptx

#endif
