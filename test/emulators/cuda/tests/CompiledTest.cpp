//===- CompiledTest.cpp - What clang makes of C runs right ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The kernels of compiled.c against the same in C++, under several seeds.
//
//===----------------------------------------------------------------------===//
#include "test/emulators/cuda/tests/Gpu.h"
#include <cmath>
#include <gtest/gtest.h>

namespace {

class Compiled : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    module = gpu.load(gpu::textOf(LLC_FOLDER "/compiled.ptx"));
    ASSERT_TRUE(module) << gpu.log;
  }

  gpu::Gpu gpu{{{"SEED", GetParam()}}};
  CUmodule module = nullptr;
};

TEST_P(Compiled, softmax) {
  const size_t rows = 10, n = 300;
  std::vector<float> x(rows * n);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = std::sin(float(i) * 0.37f) * 5;
  CUdeviceptr out = gpu.allocate(x.size() * 4);
  ASSERT_EQ(gpu.run(module, "softmax", {rows, 128}, {gpu.upload(x), out, n}), CUDA_SUCCESS) << gpu.fault();
  std::vector<float> got = gpu.download<float>(out, x.size());
  for (size_t row = 0; row < rows; ++row) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i)
      sum += std::exp(double(x[row * n + i]));
    for (size_t i = 0; i < n; ++i)
      EXPECT_NEAR(got[row * n + i], std::exp(double(x[row * n + i])) / sum, 1e-7);
  }
}

float scaleOf(float most, long mode) {
  const float scales[] = {most / 127.f, most / 64.f, 1, most * 2, std::sqrt(most), 3};
  return scales[mode];
}

TEST_P(Compiled, quantize) {
  std::vector<float> x(64 * 32);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = std::cos(float(i) * 0.11f) * float(i % 7);
  CUdeviceptr from = gpu.upload(x), out = gpu.allocate(x.size()), scales = gpu.allocate(128);
  for (long mode = 0; mode < 6; ++mode) {
    ASSERT_EQ(gpu.run(module, "quantize", {2, 32}, {from, out, scales, uint64_t(mode)}), CUDA_SUCCESS) << gpu.fault();
    std::vector<int8_t> got = gpu.download<int8_t>(out, x.size());
    for (size_t row = 0; row < 64; ++row) {
      float most = 0;
      for (size_t i = 0; i < 32; ++i)
        most = std::fmax(most, std::fabs(x[row * 32 + i]));
      float inverse = 1.0f / scaleOf(most, mode);
      for (size_t i = 0; i < 32; ++i)
        ASSERT_EQ(got[row * 32 + i], std::fmin(std::fmax(std::rint(x[row * 32 + i] * inverse), -128.f), 127.f))
            << mode << ", " << row;
    }
  }
}

TEST_P(Compiled, mix) {
  const long n = 11;
  std::vector<long> x(32);
  for (long i = 0; i < 32; ++i)
    x[i] = long(uint64_t(i) * 0x123456789abcd) * (i % 3 ? 1 : -1) >> i;
  CUdeviceptr out = gpu.allocate(256);
  ASSERT_EQ(gpu.run(module, "mix", {}, {gpu.upload(x), out, uint64_t(n)}), CUDA_SUCCESS) << gpu.fault();
  std::vector<long> got = gpu.download<long>(out, 32);
  for (size_t lane = 0; lane < 32; ++lane) {
    long v = x[lane];
    unsigned low = v;
    EXPECT_EQ(got[lane], v / (n + 3) + v % 1000 * 3 - (v >> 5) + low / 7u + __builtin_popcountll(v) +
                             __builtin_clz(low | 1) + __builtin_bitreverse32(low) + long(double(v)) +
                             (v > 100 ? (signed char)v : (unsigned short)v) + __builtin_rotateleft32(low, 5) +
                             long(__builtin_rotateright64(v, n)))
        << lane;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Compiled, testing::Values("0", "1", "2"));

} // namespace
