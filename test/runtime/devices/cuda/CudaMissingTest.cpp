//===- CudaMissingTest.cpp - A machine without a driver ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Built twice: where libcuda.so.1 is a file that no loader takes, and where it is a library without the driver's functions.
//===----------------------------------------------------------------------===//
#include "CudaSessions.h"

using namespace phi;
using namespace phi::fake;

namespace {

TEST(CudaMissing, TheProcessorRunsAndALineSaysWhy) {
  GpuModel model;
  const Loaded named(model), any(model, {});
  EXPECT_EQ(named.status, PHI_NO_PROCESSOR);
  EXPECT_EQ(named.said, "this model needs a machine with sm_75; this one lacks " PHIC_LACKING);
  EXPECT_EQ(any.said, "");
  EXPECT_STREQ(any.open.code.device().name, "cpu");
  EXPECT_EQ(any.told, "on cpu, not on cuda: this machine lacks " PHIC_LACKING "\n");
  char text[512];
  Writer out(text, sizeof(text));
  listDevices(model.model, out);
  EXPECT_STREQ(text, "cuda  sm_75: this machine lacks " PHIC_LACKING "\ncpu  fake\n");
}

} // namespace
