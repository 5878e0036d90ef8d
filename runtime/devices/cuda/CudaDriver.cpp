//===- CudaDriver.cpp - The CUDA driver, where there is one ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/devices/cuda/CudaDriver.h"

#include "runtime/Os.h"

namespace phi::cuda {
namespace {

struct Row {
  const char *symbol;
  const char *older; ///< nullptr: it always had this name
  bool isOptional;
};

constexpr Row kRows[] = {
#define PHI_CUDA_FUNCTION(name, symbol, parameters) {symbol, nullptr, false},
#define PHI_CUDA_RENAMED(name, symbol, older, parameters) {symbol, older, false},
#define PHI_CUDA_OPTIONAL(name, symbol, parameters) {symbol, nullptr, true},
#include "runtime/devices/cuda/CudaDriver.def"
};

constexpr size_t kCount = sizeof(kRows) / sizeof(*kRows);

/// Fills the table. The name of what the library does not have, nullptr: it has all.
const char *findFunctions(Driver *driver, void *library) {
  static_assert(sizeof(Driver) == kCount * sizeof(void *), "functions and nothing else");
  auto *functions = reinterpret_cast<void **>(driver);
  for (size_t i = 0; i < kCount; ++i) {
    functions[i] = os::findSymbol(library, kRows[i].symbol);
    if (!functions[i] && kRows[i].older)
      functions[i] = os::findSymbol(library, kRows[i].older);
    if (!functions[i] && !kRows[i].isOptional)
      return kRows[i].symbol;
  }
  return nullptr;
}

void writeVersion(int version, Writer &out) { out << version / 1000 << '.' << version % 1000 / 10; }

} // namespace

int leastCuda(uint32_t language) {
  constexpr struct {
    uint32_t language;
    int cuda;
  } kVersions[] = {{63, 10000}, {64, 10010}, {65, 10020}, {70, 11000}, {71, 11010}, {72, 11020},
                   {73, 11030}, {74, 11040}, {75, 11050}, {76, 11060}, {77, 11070}, {78, 11080},
                   {80, 12000}, {81, 12010}, {82, 12020}, {83, 12030}, {84, 12040}, {85, 12050},
                   {86, 12070}, {87, 12080}, {88, 12090}, {90, 13000}};
  for (auto row : kVersions)
    if (row.language >= language)
      return row.cuda;
  return 13010;
}

bool openDriver(Driver *driver, uint32_t language, Writer &what) {
  void *library = os::openLibrary("libcuda.so.1");
  if (!library) {
    what << "an NVIDIA driver (libcuda.so.1)";
    return false;
  }
  if (const char *missing = findFunctions(driver, library)) {
    what << "a newer NVIDIA driver (its libcuda.so.1 has no " << missing << ')';
    return false;
  }
  int version = 0;
  driver->driverGetVersion(&version);
  if (language && version < leastCuda(language)) {
    writeVersion(leastCuda(language), what << "an NVIDIA driver for CUDA ");
    writeVersion(version, what << " or later (it has one for ");
    what << ')';
    return false;
  }
  const Result result = driver->init(0);
  if (result == kNoDevice)
    what << "an NVIDIA GPU";
  else if (result != kSuccess)
    writeResult(*driver, result, what << "a working NVIDIA driver: ");
  return result == kSuccess;
}

void writeResult(const Driver &driver, Result result, Writer &out) {
  const char *name = nullptr, *text = nullptr;
  if (driver.getErrorName(result, &name) == kSuccess && driver.getErrorString(result, &text) == kSuccess)
    out << text << " (" << name << ')';
  else
    out << "error " << result;
}

} // namespace phi::cuda
