//===- limits.cpp - What a GPU can do at most ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs the loops of limits.c and prints bytes and multiply-adds a second, as JSON. With what programs are compared on the same
// GPU at the same time. PHIC_LIMITS_SHARE makes it do 1/N of the work, for an emulator.
//
//   device_limits limits.ptx tensors.ptx
//===----------------------------------------------------------------------===//
#include "test/emulators/cuda/tests/Gpu.h"
#include <algorithm>
#include <chrono>
#include <cstdio>

namespace {

constexpr int kMultiprocessors = 16, kMajor = 75; // attributes of devices
constexpr unsigned kThreads = 256, kCtasEach = 8; // of a multiprocessor
constexpr int kRepetitions = 5;

class Limits {
public:
  Limits(gpu::Gpu &gpu, uint64_t share) : gpu(gpu), share(share) {
    cuDeviceGetAttribute(&multiprocessors, kMultiprocessors, 0);
    ctas = unsigned(multiprocessors) * kCtasEach;
    results = gpu.allocate(size_t(ctas) * kThreads * 4);
  }

  /// The shortest of a few runs; 0 where it fails.
  double seconds(CUmodule module, const char *kernel, std::vector<uint64_t> parameters) {
    double shortest = 0;
    for (int i = 0; i <= kRepetitions; ++i) { // the first one warms up
      const auto began = std::chrono::steady_clock::now();
      if (gpu.run(module, kernel, {ctas, kThreads}, parameters))
        return 0;
      const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
      if (i == 1 || (i > 1 && took < shortest))
        shortest = took;
    }
    return shortest;
  }

  double bytesPerSecond(CUmodule module) {
    const uint64_t bytes = (uint64_t(2) << 30) / share / 16 * 16;
    const CUdeviceptr from = gpu.allocate(bytes);
    cuMemsetD8_v2(from, 1, bytes);
    const double took = seconds(module, "reads", {from, results, bytes / 16});
    cuMemFree_v2(from);
    return took > 0 ? double(bytes) / took : 0;
  }

  /// Of a loop in which a warp does `each` multiply-adds a round.
  double multiplyAddsPerSecond(CUmodule module, const char *kernel, double each) {
    const uint64_t rounds = std::max<uint64_t>((1 << 16) / share, 1);
    const CUdeviceptr from = gpu.upload(std::vector<uint32_t>(16, 0x01020304));
    const double took = seconds(module, kernel, {from, results, rounds});
    return took > 0 ? each * double(rounds) * ctas * (kThreads / 32) / took : 0;
  }

private:
  gpu::Gpu &gpu;
  uint64_t share;
  int multiprocessors = 0;
  unsigned ctas = 0;
  CUdeviceptr results = 0;
};

} // namespace

int main(int count, char **words) {
  if (count != 3)
    return std::fprintf(stderr, "usage: device_limits limits.ptx tensors.ptx\n"), 1;
  gpu::Gpu gpu;
  CUmodule module = gpu.error ? nullptr : gpu.load(gpu::textOf(words[1]));
  if (!module)
    return std::fprintf(stderr, "error %d: %s\n", gpu.error, gpu.log.c_str()), 1;
  const char *share = std::getenv("PHIC_LIMITS_SHARE");
  Limits limits(gpu, share ? std::max<uint64_t>(std::strtoull(share, nullptr, 10), 1) : 1);
  const double bytes = limits.bytesPerSecond(module), dots = limits.multiplyAddsPerSecond(module, "dots", 8 * 32 * 4);
  int major = 0;
  cuDeviceGetAttribute(&major, kMajor, 0);
  CUmodule tensors = major < 8 ? nullptr : gpu.load(gpu::textOf(words[2]));
  const double mma = tensors ? limits.multiplyAddsPerSecond(tensors, "tensors", 4 * 16 * 8 * 32) : 0;
  if (bytes == 0 || dots == 0 || (tensors && mma == 0))
    return std::fprintf(stderr, "a loop failed: %s\n", gpu.fault().c_str()), 1;
  std::printf("{\"bytes_per_s\": %.6g, \"dp4a_multiply_adds_per_s\": %.6g, \"tensor_multiply_adds_per_s\": %.6g}\n",
              bytes, dots, mma);
}
