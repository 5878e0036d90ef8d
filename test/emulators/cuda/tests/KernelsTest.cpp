//===- KernelsTest.cpp - Kernels that are right --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs each kernel of kernels.ptx under several seeds: the results are those computed here, and nothing is found fault with.
//
//===----------------------------------------------------------------------===//
#include "test/emulators/cuda/tests/Gpu.h"
#include <bit>
#include <gtest/gtest.h>
#include <numeric>

namespace {

class Kernels : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    ASSERT_EQ(gpu.error, CUDA_SUCCESS);
    module = gpu.load(gpu::textOf(gpu::pathOf("kernels.ptx")));
    ASSERT_TRUE(module) << gpu.log;
  }
  void run(const char *kernel, gpu::Gpu::Shape shape, std::vector<uint64_t> parameters) {
    ASSERT_EQ(gpu.run(module, kernel, shape, std::move(parameters)), CUDA_SUCCESS) << gpu.fault();
  }

  gpu::Gpu gpu{{{"SEED", GetParam()}}};
  CUmodule module = nullptr;
};

TEST_P(Kernels, block_sum) {
  std::vector<uint32_t> in(256);
  std::iota(in.begin(), in.end(), 5);
  CUdeviceptr out = gpu.allocate(4);
  run("block_sum", {1, 256}, {gpu.upload(in), out});
  EXPECT_EQ(gpu.download<uint32_t>(out, 1)[0], 256u * 5 + 255 * 128);
}

TEST_P(Kernels, grid_sum) {
  std::vector<float> in(64 * 20);
  float sum = 0;
  for (size_t i = 0; i < in.size(); ++i)
    sum += in[i] = 1.0f / float(i + 3);
  CUdeviceptr from = gpu.upload(in), partial = gpu.allocate(in.size() * 4), out = gpu.allocate(4);
  for (int again = 0; again < 2; ++again) {
    run("grid_sum", {20, 64}, {from, partial, out});
    EXPECT_EQ(gpu.download<float>(out, 1)[0], sum);
  }
  CUdeviceptr counter;
  size_t bytes;
  ASSERT_EQ(cuModuleGetGlobal_v2(&counter, &bytes, module, "counter"), CUDA_SUCCESS);
  EXPECT_EQ(bytes, 4u);
  EXPECT_EQ(gpu.download<uint32_t>(counter, 1)[0], 0u);
}

TEST_P(Kernels, hand_over) {
  CUdeviceptr data = gpu.upload(std::vector<uint32_t>{0}), flag = gpu.upload(std::vector<uint32_t>{0}),
              out = gpu.allocate(4);
  run("hand_over", {2, 1}, {data, flag, out});
  EXPECT_EQ(gpu.download<uint32_t>(out, 1)[0], 77u);
}

TEST_P(Kernels, gemv) {
  std::vector<int8_t> w(40 * 128), x(128);
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = int8_t(i * 37 % 251);
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = int8_t(i * 91 % 253);
  CUdeviceptr out = gpu.allocate(40 * 4);
  run("gemv", {10, 128}, {gpu.upload(w), gpu.upload(x), out});
  std::vector<float> got = gpu.download<float>(out, 40);
  for (int row = 0; row < 40; ++row) {
    int sum = 0;
    for (int i = 0; i < 128; ++i)
      sum += w[row * 128 + i] * x[i];
    EXPECT_EQ(got[row], float(sum)) << row;
  }
}

TEST_P(Kernels, mma_s8) {
  std::vector<int8_t> a(16 * 32), b(8 * 32);
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = int8_t(i * 73 % 255);
  for (size_t i = 0; i < b.size(); ++i)
    b[i] = int8_t(i * 29 % 249);
  CUdeviceptr d = gpu.allocate(16 * 8 * 4);
  run("mma_s8", {1, 32, 768}, {gpu.upload(a), gpu.upload(b), d});
  std::vector<int32_t> got = gpu.download<int32_t>(d, 128);
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) {
      int sum = 0;
      for (int k = 0; k < 32; ++k)
        sum += a[row * 32 + k] * b[column * 32 + k];
      EXPECT_EQ(got[row * 8 + column], sum) << row << ", " << column;
    }
}

TEST_P(Kernels, mma_f16) {
  // Small whole numbers: every order of the sum is exact. As f16, n is 2^k * 1.f with k < 4.
  auto half = [](int n) {
    unsigned magnitude = std::abs(n), exponent = magnitude ? std::bit_width(magnitude) - 1 : 0;
    unsigned bits = magnitude ? (exponent + 15) << 10 | ((magnitude << (10 - exponent)) & 0x3FF) : 0;
    return uint16_t(bits | (n < 0 ? 0x8000 : 0));
  };
  std::vector<int> a(16 * 16), b(16 * 8);
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = int(i * 7 % 23) - 11;
  for (size_t i = 0; i < b.size(); ++i)
    b[i] = int(i * 5 % 19) - 9;
  std::vector<uint16_t> halvesOfA, halvesOfB;
  for (int n : a)
    halvesOfA.push_back(half(n));
  for (int n : b)
    halvesOfB.push_back(half(n));
  CUdeviceptr d = gpu.allocate(16 * 8 * 4);
  run("mma_f16", {1, 32, 768}, {gpu.upload(halvesOfA), gpu.upload(halvesOfB), d});
  std::vector<float> got = gpu.download<float>(d, 128);
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) {
      int sum = 0;
      for (int k = 0; k < 16; ++k)
        sum += a[row * 16 + k] * b[k * 8 + column];
      EXPECT_EQ(got[row * 8 + column], float(sum)) << row << ", " << column;
    }
}

TEST_P(Kernels, diverge) {
  CUdeviceptr out = gpu.allocate(32 * 4);
  run("diverge", {}, {out});
  std::vector<uint32_t> got = gpu.download<uint32_t>(out, 32);
  for (uint32_t lane = 0; lane < 32; ++lane) {
    uint32_t steps = 0;
    for (uint32_t n = lane + 1; n != 1; ++steps)
      n = n % 2 ? 3 * n + 1 : n / 2;
    EXPECT_EQ(got[(lane + 1) % 32], steps + 1000 * (lane % 4)) << lane;
  }
}

TEST_P(Kernels, histogram) {
  std::vector<uint32_t> in(256), wanted(16);
  for (size_t i = 0; i < in.size(); ++i)
    ++wanted[in[i] = i * i % 13];
  CUdeviceptr out = gpu.upload(std::vector<uint32_t>(16));
  run("histogram", {4, 64}, {gpu.upload(in), out});
  EXPECT_EQ(gpu.download<uint32_t>(out, 16), wanted);
}

TEST_P(Kernels, variables) {
  CUdeviceptr out = gpu.allocate(16);
  run("variables", {1, 4}, {out});
  EXPECT_EQ(gpu.download<float>(out, 4), (std::vector<float>{-1, 6, -3, 8}));
}

TEST_P(Kernels, lanes) {
  CUdeviceptr out = gpu.allocate(32 * 64);
  run("lanes", {}, {out});
  std::vector<uint32_t> got = gpu.download<uint32_t>(out, 32 * 16);
  uint32_t all = 0;
  for (uint32_t lane = 0; lane < 32; ++lane)
    all ^= lane * lane;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    auto square = [](uint32_t n) { return n * n; };
    std::vector<uint32_t> wanted = {square(lane >= 3 ? lane - 3 : lane),
                                    lane >= 3,
                                    square(lane + 5 <= 31 ? lane + 5 : lane),
                                    lane + 5 <= 31,
                                    square(lane ^ 9),
                                    square((lane & 24) | 3),
                                    0xFFE00000,
                                    1,
                                    0,
                                    0,
                                    31 * 31,
                                    all,
                                    0,
                                    0x11111111u << (lane & 3),
                                    lane > 20 ? 0xFFE00000 : 0,
                                    (1u << lane) - 1};
    EXPECT_EQ(std::vector<uint32_t>(got.begin() + 16 * lane, got.begin() + 16 * lane + 16), wanted) << lane;
  }
}

TEST_P(Kernels, meet) {
  CUfunction function;
  ASSERT_EQ(cuModuleGetFunction(&function, module, "meet"), CUDA_SUCCESS);
  CUdeviceptr numbers = gpu.allocate(48), arrived = gpu.upload(std::vector<uint32_t>{0}), out = gpu.allocate(48);
  void *parameters[] = {&numbers, &arrived, &out};
  // More than are at work at once, unless they may rely on it.
  ASSERT_EQ(cuLaunchCooperativeKernel(function, 12, 1, 1, 1, 1, 1, 0, nullptr, parameters), CUDA_SUCCESS);
  ASSERT_EQ(cuCtxSynchronize(), CUDA_SUCCESS) << gpu.fault();
  std::vector<uint32_t> got = gpu.download<uint32_t>(out, 12);
  for (uint32_t cta = 0; cta < 12; ++cta)
    EXPECT_EQ(got[cta], 100 + (cta + 1) % 12);
  EXPECT_EQ(cuLaunchCooperativeKernel(function, 100000, 1, 1, 1, 1, 1, 0, nullptr, parameters),
            CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE);
}

TEST_P(Kernels, elect) {
  gpu::Gpu newer({{"CAPABILITY", "90"}});
  CUmodule of90 = newer.load(R"(.version 8.0
.target sm_90
.address_size 64
.visible .entry leaders(.param .u64 out) {
	.reg .pred %p<3>; .reg .b32 %r<4>; .reg .b64 %rd<4>;
	ld.param.u64 %rd1, [out];
	mov.u32 %r1, %tid.x;
	griddepcontrol.wait;
	mul.wide.u32 %rd2, %r1, 4;
	add.s64 %rd1, %rd1, %rd2;
	elect.sync %r2|%p1, -1;
	selp.b32 %r3, 1, 0, %p1;
	griddepcontrol.launch_dependents;
	st.global.u32 [%rd1], %r3;
	ret;
})");
  ASSERT_TRUE(of90) << newer.log;
  CUdeviceptr out = newer.allocate(128);
  ASSERT_EQ(newer.run(of90, "leaders", {}, {out}), CUDA_SUCCESS) << newer.fault();
  std::vector<uint32_t> got = newer.download<uint32_t>(out, 32);
  EXPECT_EQ(std::accumulate(got.begin(), got.end(), 0u), 1u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Kernels, testing::Values("0", "1", "2", "3", "12345"));

} // namespace
