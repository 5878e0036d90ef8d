//===- GpusHere.cpp - Whether this machine has a GPU -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cuda/machines/GpusHere.h"
#include <algorithm>
#include <dlfcn.h>

namespace phic {
namespace {

/// Of the driver's interface.
constexpr int kMajor = 75, kMinor = 76;

template <typename Function> Function *find(void *library, const char *name) {
  return reinterpret_cast<Function *>(dlsym(library, name));
}

uint32_t askDriver(void *library) {
  auto *init = find<int(unsigned)>(library, "cuInit");
  auto *count = find<int(int *)>(library, "cuDeviceGetCount");
  auto *get = find<int(int *, int)>(library, "cuDeviceGet");
  auto *attribute = find<int(int *, int, int)>(library, "cuDeviceGetAttribute");
  const bool isStandIn = dlsym(library, "phicCudaFault");
  int devices = 0;
  if (!init || !count || !get || !attribute || isStandIn || init(0) || count(&devices))
    return 0;
  uint32_t best = 0;
  for (int i = 0; i < devices; ++i) {
    int device = 0, major = 0, minor = 0;
    if (!get(&device, i) && !attribute(&major, kMajor, device) && !attribute(&minor, kMinor, device))
      best = std::max(best, uint32_t(10 * major + minor));
  }
  return best;
}

} // namespace

uint32_t capabilityHere() {
  static const uint32_t best = [] {
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL); // stays: a driver is not meant to go
    return library ? askDriver(library) : 0;
  }();
  return best;
}

} // namespace phic
