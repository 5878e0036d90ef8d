//===- TextTest.cpp - Text that is taken, and text that is refused -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What llc prints is read; what is not known is refused by its name and its line; text that ends early ends nothing.
//
//===----------------------------------------------------------------------===//
#include "test/emulators/cuda/tests/Gpu.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using testing::HasSubstr;

const char *const header = ".version 7.0\n.target sm_80\n.address_size 64\n";

std::string kernel(const std::string &statement) {
  return std::string(header) +
         ".visible .entry k(.param .u64 a) {\n.reg .b32 %r<8>; .reg .b64 %rd<8>; .reg .pred %p<4>; .reg .b16 %h<2>;\n" +
         statement + "\nret;\n}\n";
}

TEST(Text, of_llc_is_read) {
  gpu::Gpu gpu({{"CAPABILITY", "120"}});
  for (const char *target : {"sm_80", "sm_90", "sm_120"}) {
    std::string text = gpu::textOf(std::string(LLC_FOLDER) + "/" + target + ".ptx");
    ASSERT_THAT(text, HasSubstr(std::string(".target ") + target));
    CUmodule module = gpu.load(text);
    ASSERT_TRUE(module) << target << ": " << gpu.log;
    CUfunction function;
    EXPECT_EQ(cuModuleGetFunction(&function, module, "second"), CUDA_SUCCESS);
  }
}

TEST(Text, is_refused_by_name) {
  gpu::Gpu gpu;
  const std::pair<const char *, const char *> refused[] = {
      {"tex.2d.v4.f32.f32 {%r1, %r2, %r3, %r4}, [a, {%r1, %r2}];", "line 6: tex.2d.v4.f32.f32: "},
      {"wgmma.fence.sync.aligned;", "line 6: wgmma.fence.sync.aligned: unknown instruction"},
      {"add.cc.u32 %r1, %r2, %r3;", "line 6: add.cc.u32: unknown modifier .cc"},
      {"add.s32 %r1, %r2;", "line 6: add.s32: has 2 operands, not 3"},
      {"add.s32 %r1, %r2, %rd1;", "line 6: add.s32: a register of 64 bits"},
      {"add.s32 %r1, %r2, %r9;", "line 6: add.s32: unknown special register %r9"},
      {"mov.u32 %r1, %clusterid.x;", "unknown special register %clusterid.x"},
      {"ld.global.v8.b32 {%r1, %r2}, [%rd1];", "line 6: ld.global.v8.b32: "},
      {"ld.global.u32 %r1, %rd1;", "operand 2 is no address"},
      {"mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32 {%r1}, {%r1}, {%r1}, {%r1};",
       "m8n8k4.row.col.f32.f16.f16.f32: unknown shape"},
      {"cvt.f16.f32 %h1, %r1;", "line 6: cvt.f16.f32: needs a rounding"},
      {"call.uni f;", "line 6: call.uni: unknown instruction"},
      {"bra nowhere;", "no label nowhere"},
      {"mov.b64 %rd1, unknown;", "no variable or register 'unknown'"},
      {"and.pred %p1, !%p2, %p3;", "cannot be negated"},
      {".reg .b32 %r1;", "declared twice"},
      {"x: add.s32 %r1, %r1, 1; x:", "label x is declared twice"},
      {"add.s32 %r1, %r1, 0x;", "'0x' is not a number"}};
  for (auto [statement, message] : refused) {
    EXPECT_FALSE(gpu.load(kernel(statement))) << statement;
    EXPECT_EQ(gpu.error, CUDA_ERROR_INVALID_PTX);
    EXPECT_THAT(gpu.log, HasSubstr(message)) << statement;
  }
  EXPECT_TRUE(gpu.load(kernel("add.s32 %r1, %r1, 1;"))) << gpu.log;
}

TEST(Text, outside_of_kernels_is_refused_by_name) {
  gpu::Gpu gpu;
  for (auto [text, message] : {std::pair<const char *, const char *>{".texref t;", "'.texref' is no declaration"},
                               {".func f() { ret; }", "'.func' is no declaration"},
                               {".global .u32 g[2] = {1, 2, 3};", "too many initial values"},
                               {".extern .global .u32 g;", "only .extern .shared"},
                               {".visible .entry k(.param .u64 a) .maxclusterrank 2 { ret; }", "expected '{'"}}) {
    EXPECT_FALSE(gpu.load(std::string(header) + text)) << text;
    EXPECT_THAT(gpu.log, HasSubstr(message)) << text;
  }
}

TEST(Text, that_ends_early_is_refused) {
  gpu::Gpu gpu;
  std::string text = gpu::textOf(gpu::pathOf("kernels.ptx"));
  size_t refused = 0, tries = 0;
  for (size_t length = 0; length < text.size(); length += 13, ++tries)
    refused += !gpu.load(text.substr(0, length));
  EXPECT_GT(refused, tries - tries / 10); // it may end between two kernels, or in a comment there
}

TEST(Text, of_a_target_beyond_the_device_is_refused) {
  gpu::Gpu gpu({{"CAPABILITY", "75"}});
  EXPECT_FALSE(gpu.load(kernel("")));
  EXPECT_EQ(gpu.error, CUDA_ERROR_INVALID_PTX);
  EXPECT_THAT(gpu.log, HasSubstr("is for sm_80, and the device is sm_75"));
}

TEST(Text, that_is_newer_than_the_driver_is_refused) {
  gpu::Gpu gpu({{"DRIVER", "10020"}}); // CUDA 10.2: PTX 6.5
  EXPECT_FALSE(gpu.load(kernel("")));
  EXPECT_EQ(gpu.error, CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
}

} // namespace
