//===- Settings.cpp - What the environment says of the device ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Settings.h"
#include <algorithm>
#include <cstdlib>

namespace ptx {
namespace {

/// A number, perhaps followed by K, M or G.
bool readNumber(const char *name, uint64_t most, uint64_t &value, std::string &error) {
  const char *text = getenv(name);
  if (!text || !*text)
    return true;
  char *end;
  uint64_t number = strtoull(text, &end, 10);
  if (*end == 'K' || *end == 'M' || *end == 'G')
    number <<= *end == 'K' ? 10 : *end == 'M' ? 20 : 30, ++end;
  if (*end || end == text || number > most) {
    error = std::string(name) + "=" + text + " is not a number up to " + std::to_string(most);
    return false;
  }
  value = number;
  return true;
}

bool readNumber(const char *name, unsigned most, unsigned &value, std::string &error) {
  uint64_t wide = value;
  bool isRead = readNumber(name, uint64_t(most), wide, error);
  value = unsigned(wide);
  return isRead;
}

} // namespace

bool readSettings(Settings &settings, std::string &error) {
  settings = Settings();
  if (const char *file = getenv("PHIC_CUDA_COUNTERS"))
    settings.counters = file;
  bool isRead = readNumber("PHIC_CUDA_SEED", UINT64_MAX, settings.seed, error) &&
                readNumber("PHIC_CUDA_CAPABILITY", 999u, settings.capability, error) &&
                readNumber("PHIC_CUDA_DRIVER", 99999u, settings.driver, error) &&
                readNumber("PHIC_CUDA_MEMORY", 1ull << 40, settings.memory, error) &&
                readNumber("PHIC_CUDA_DEVICES", 64u, settings.devices, error) &&
                readNumber("PHIC_CUDA_FAIL_LAUNCH", UINT64_MAX, settings.failLaunch, error) &&
                readNumber("PHIC_CUDA_JIT_MS", 600000u, settings.jitMilliseconds, error) &&
                readNumber("PHIC_CUDA_MULTIPROCESSORS", 1024u, settings.multiprocessors, error) &&
                readNumber("PHIC_CUDA_RESIDENT", 1024u, settings.resident, error) &&
                readNumber("PHIC_CUDA_MOST_INSTRUCTIONS", UINT64_MAX, settings.mostInstructions, error);
  static constexpr unsigned known[] = {75, 80, 86, 89, 90, 100, 120};
  if (isRead && std::find(std::begin(known), std::end(known), settings.capability) == std::end(known)) {
    error = "PHIC_CUDA_CAPABILITY=" + std::to_string(settings.capability) + " is none of 75, 80, 86, 89, 90, 100, 120";
    return false;
  }
  settings.multiprocessors = std::max(settings.multiprocessors, 1u);
  settings.resident = std::max(settings.resident, 1u);
  return isRead;
}

unsigned newestPtx(unsigned driver) {
  static constexpr struct {
    unsigned driver, ptx;
  } rows[] = {{13010, 91}, {13000, 90}, {12090, 88}, {12080, 87}, {12070, 86}, {12050, 85}, {12040, 84}, {12030, 83},
              {12020, 82}, {12010, 81}, {12000, 80}, {11080, 78}, {11070, 77}, {11060, 76}, {11050, 75}, {11040, 74},
              {11030, 73}, {11020, 72}, {11010, 71}, {11000, 70}, {10020, 65}, {10010, 64}, {10000, 63}};
  for (auto row : rows)
    if (driver >= row.driver)
      return row.ptx;
  return 60;
}

} // namespace ptx
