//===- JitCache.cpp - Where the driver keeps what it compiled ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver's own rules: CUDA_CACHE_DISABLE turns the cache off, CUDA_CACHE_PATH is its folder, or else .nv/ComputeCache in
// the home folder.
//===----------------------------------------------------------------------===//
#include "runtime/devices/cuda/JitCache.h"

#include "runtime/Os.h"

namespace phi::cuda {
namespace {

/// Where it is: false where only the driver knows.
bool findFolder(Writer &path) {
  const char *given = os::environment("CUDA_CACHE_PATH"), *home = os::environment("HOME");
  if (given && *given)
    path << given;
  else if (home && *home)
    path << home << "/.nv/ComputeCache";
  else
    return false;
  return true;
}

} // namespace

void tellOfJit(const char *name, double seconds, const Notes &notes) {
  char folder[os::kPathBytes], text[os::kPathBytes + 512];
  Writer path(folder, sizeof(folder)), line(text, sizeof(text));
  line << "the driver compiled the code for " << name << " in ";
  line.fixed(seconds, 1) << " s";
  const char *off = os::environment("CUDA_CACHE_DISABLE");
  if (off && *off && Text(off) != Text("0"))
    line << ", and will each time: CUDA_CACHE_DISABLE is set";
  else if (!findFolder(path))
    line << "; where it keeps that is not known: neither HOME nor CUDA_CACHE_PATH is set";
  else if (!os::takesFiles(folder))
    line << ", and will each time: its cache, " << folder
         << ", cannot be written to; CUDA_CACHE_PATH names another folder";
  else
    line << ", and keeps it for the next time";
  notes(text);
}

} // namespace phi::cuda
