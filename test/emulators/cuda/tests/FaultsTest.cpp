//===- FaultsTest.cpp - Mistakes that must be found ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs each kernel of faults.ptx, which ends with the code and the message that stand before it, under every seed.
//
//===----------------------------------------------------------------------===//
#include "test/emulators/cuda/tests/Gpu.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using testing::HasSubstr;

struct Planted {
  gpu::Gpu::Shape shape;
  int code = 0;
  std::string message, kernel;
};

const std::string folder = gpu::pathOf("");

std::vector<Planted> allPlanted(const std::string &text) {
  std::vector<Planted> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.compare(0, 4, "//! ") == 0) {
      Planted one;
      std::istringstream words(line.substr(4));
      words >> one.shape.ctas >> one.shape.threads >> one.shape.dynamicShared >> one.code >> std::ws;
      std::getline(words, one.message);
      std::getline(lines, line);
      size_t begin = line.find(".entry ") + 7;
      one.kernel = line.substr(begin, line.find('(') - begin);
      all.push_back(one);
    }
  return all;
}

TEST(Faults, are_found_under_every_seed) {
  std::string text = gpu::textOf(folder + "faults.ptx");
  std::vector<Planted> all = allPlanted(text);
  ASSERT_GT(all.size(), 35u);
  for (const Planted &planted : all)
    for (const char *seed : {"0", "1", "2", "7"}) {
      SCOPED_TRACE(planted.kernel + " with seed " + seed);
      gpu::Gpu gpu({{"SEED", seed}, {"MOST_INSTRUCTIONS", "100000"}});
      CUmodule module = gpu.load(text);
      ASSERT_TRUE(module) << gpu.log;
      CUdeviceptr buffer = gpu.upload(std::vector<uint32_t>(1024));
      EXPECT_EQ(gpu.run(module, planted.kernel.c_str(), planted.shape, {buffer}), planted.code);
      EXPECT_THAT(gpu.fault(), HasSubstr(planted.message));
      EXPECT_THAT(gpu.fault(), HasSubstr("kernel " + planted.kernel + ", line "));
      EXPECT_THAT(gpu.fault(), HasSubstr(", CTA ("));
    }
}

TEST(Faults, stay_until_the_context_is_reset) {
  gpu::Gpu gpu;
  CUmodule module = gpu.load(gpu::textOf(folder + "faults.ptx"));
  CUdeviceptr buffer = gpu.allocate(4096);
  EXPECT_EQ(gpu.run(module, "traps", {}, {buffer}), CUDA_ERROR_ILLEGAL_INSTRUCTION);
  EXPECT_EQ(cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_INSTRUCTION);
  EXPECT_EQ(cuMemFree_v2(buffer), CUDA_ERROR_ILLEGAL_INSTRUCTION);
  gpu::Gpu fresh;
  EXPECT_EQ(cuCtxSynchronize(), CUDA_SUCCESS);
}

TEST(Faults, use_after_free_is_one) {
  gpu::Gpu gpu;
  CUmodule module = gpu.load(gpu::textOf(folder + "faults.ptx"));
  CUdeviceptr buffer = gpu.allocate(4096);
  ASSERT_EQ(cuMemFree_v2(buffer), CUDA_SUCCESS);
  EXPECT_EQ(gpu.run(module, "ctas_write_the_same", {}, {buffer}), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_THAT(gpu.fault(), HasSubstr("that was freed"));
  EXPECT_EQ(gpu.fault().find("kernel ctas_write_the_same, line "), 0u);
}

TEST(Faults, a_launch_that_overlaps_waits_first) {
  const std::string begin = R"(.version 8.0
.target sm_90
.address_size 64
.visible .entry k(.param .u64 buffer) {
	.reg .b32 %r<4>; .reg .b64 %rd<4>; .reg .pred %p<2>;
	ld.param.u64 %rd1, [buffer];
	mov.u32 %r1, %tid.x;
	setp.ne.u32 %p1, %r1, 0;
)";
  const std::string end = "	ld.global.u32 %r2, [%rd1];\n	bar.sync 0;\n	@%p1 bra done;\n	st.global.u32 "
                          "[%rd1], %r2;\ndone:\n	ret;\n}\n";
  const std::string wait = "	@%p1 bra waited;\n	griddepcontrol.wait;\nwaited:\n";
  for (const std::string &middle : {std::string(), wait, wait + "	bar.sync 0;\n"}) {
    gpu::Gpu gpu({{"CAPABILITY", "90"}});
    CUmodule module = gpu.load(begin + middle + end);
    ASSERT_TRUE(module) << gpu.log;
    CUfunction function;
    ASSERT_EQ(cuModuleGetFunction(&function, module, "k"), CUDA_SUCCESS);
    CUdeviceptr buffer = gpu.upload(std::vector<uint32_t>(1));
    void *parameters[] = {&buffer};
    CUlaunchAttribute attribute = {};
    attribute.id = 6;
    attribute.value.programmaticStreamSerializationAllowed = 1;
    CUlaunchConfig config{1, 1, 1, 64, 1, 1, 0, nullptr, &attribute, 1};
    for (int i = 0; i < 2; ++i)
      ASSERT_EQ(cuLaunchKernelEx(&config, function, parameters, nullptr), CUDA_SUCCESS);
    bool isOrdered = middle.find("bar.sync") != std::string::npos;
    EXPECT_EQ(cuCtxSynchronize(), isOrdered ? CUDA_SUCCESS : CUDA_ERROR_LAUNCH_FAILED) << middle;
    EXPECT_THAT(gpu.fault(), HasSubstr(isOrdered ? "" : "with no griddepcontrol.wait before"));
  }
}

} // namespace
