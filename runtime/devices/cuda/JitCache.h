//===- JitCache.h - Where the driver keeps what it compiled ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver compiles PTX when it is loaded, and keeps what it made in a folder, for the next time. When it cannot, it
// says nothing and compiles each time; so whoever waited for it is told.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_DEVICES_CUDA_JITCACHE_H
#define PHI_RUNTIME_DEVICES_CUDA_JITCACHE_H

#include "runtime/devices/Device.h"

namespace phi::cuda {

/// Compiling for the GPU of this name took so long. Whether it will again, is told too.
void tellOfJit(const char *name, double seconds, const Notes &notes);

} // namespace phi::cuda

#endif // PHI_RUNTIME_DEVICES_CUDA_JITCACHE_H
