//===- CudaRefusalsTest.cpp - What a GPU does not do -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each is a sentence, before anything is taken where that can be known, and what else runs goes on.
//===----------------------------------------------------------------------===//
#include "CudaSessions.h"
#include "runtime/devices/cuda/CudaMemory.h"
#include "runtime/devices/cuda/JitCache.h"
#include "gmock/gmock.h"

using namespace phi;
using namespace phi::fake;
using testing::HasSubstr;

namespace {

/// The sentence of a model that is not opened.
std::string refused(const GpuModel &model, phi_status status = PHI_DEVICE_FAILED, SessionNeed need = {},
                    CodeChoice choice = {"cuda"}) {
  Loaded loaded(model, choice, need);
  EXPECT_EQ(loaded.status, status);
  EXPECT_EQ(loaded.open.code.weights, nullptr);
  return loaded.said;
}

std::string listed(const GpuModel &model) {
  char text[512];
  Writer out(text, sizeof(text));
  listDevices(model.model, out);
  return text;
}

TEST(CudaRefusals, WithoutAGpuTheProcessorRuns) {
  Settings none{{{"DEVICES", "0"}}};
  GpuModel model;
  EXPECT_EQ(refused(model, PHI_NO_PROCESSOR), "this model needs a machine with sm_75; this one lacks an NVIDIA GPU");
  EXPECT_EQ(listed(model), "cuda  sm_75: this machine lacks an NVIDIA GPU\ncpu  fake\n");
  Loaded any(model, {});
  EXPECT_EQ(any.said, "");
  EXPECT_STREQ(any.open.code.device().name, "cpu");
  EXPECT_EQ(any.told, "on cpu, not on cuda: this machine lacks an NVIDIA GPU\n");
}

TEST(CudaRefusals, AnOldDriver) {
  Settings old{{{"DRIVER", "11000"}}};
  GpuModel model;
  model.blob.header().language = 70;
  model.update();
  EXPECT_EQ(listed(model), "cuda:0  sm_75, PTX emulator sm_80, 16.0 GiB\ncpu  fake\n");
  model.blob.header().language = 78;
  model.update();
  EXPECT_EQ(refused(model, PHI_NO_PROCESSOR), "this model needs a machine with sm_75; this one lacks an NVIDIA driver "
                                              "for CUDA 11.8 or later (it has one for 11.0)");
}

TEST(CudaRefusals, AnOldGpu) {
  Settings old{{{"CAPABILITY", "75"}}};
  GpuModel model;
  model.blob.header().least = 80;
  model.update();
  EXPECT_EQ(refused(model, PHI_NO_PROCESSOR),
            "this model needs a machine with sm_75; this one lacks compute capability 8.0 (its GPU has 7.5)");
}

TEST(CudaRefusals, OneOfTwo) {
  Settings two{{{"DEVICES", "2"}}};
  GpuModel model;
  EXPECT_EQ(listed(model), "cuda:0  sm_75, PTX emulator sm_80, 16.0 GiB\ncuda:1  sm_75, PTX emulator sm_80, 16.0 "
                           "GiB\ncpu  fake\n");
  EXPECT_EQ(refused(model, PHI_BAD_ARGUMENT, {}, {"cuda:2"}),
            "--device cuda:2: this machine has 2 of them, cuda:0 to cuda:1");
  Loaded second(model, {"cuda:1"}), first(model);
  ASSERT_EQ(second.said + first.said, "");
  EXPECT_EQ(second.open.code.index, 1);
  EXPECT_EQ(Running(second.open.code, 64).generate({1, 2}, 5), expected({1, 2}, 5));
  EXPECT_EQ(Running(first.open.code, 64).generate({1, 2}, 5), expected({1, 2}, 5));
}

TEST(CudaRefusals, TooLittleMemoryForTheWeights) {
  Settings little{{{"MEMORY", "20M"}}};
  GpuModel model;
  EXPECT_EQ(refused(model),
            "PTX emulator sm_80 has 20.0 MiB of memory left, but this model takes 22.0 MiB; all of a model "
            "runs on one GPU, or on the processor (cpu)");
}

TEST(CudaRefusals, TooLittleMemoryForASession) {
  Settings little{{{"MEMORY", "26M"}}};
  GpuModel model;
  model.model.context_max = 1 << 20;
  model.model.weights = reinterpret_cast<const uint8_t *>(model.weights.data());
  LoadedCode code = {&model.model, &model.variants[0], nullptr, nullptr, 0};
  const SessionOptions options = {300000, 1, 1, {}};
  const char *sentence = "PTX emulator sm_80 has 26.0 MiB of memory left, but this model takes 28.0 MiB with a context "
                         "of 300000 tokens; a context of 261824 would fit";
  EXPECT_EQ(refused(model, PHI_DEVICE_FAILED, needOf(code, options)), sentence);
  // It does.
  const SessionOptions smaller = {261824, 1, 1, {}};
  Loaded loaded(model, {"cuda"}, needOf(code, smaller));
  ASSERT_EQ(loaded.said, "");
  // A library learns of sessions later: the first fits, the second does not, and takes nothing.
  Running first(loaded.open.code, 131072), second(loaded.open.code, 200000);
  EXPECT_EQ(first.status, PHI_OK);
  EXPECT_EQ(second.status, PHI_NO_MEMORY);
  EXPECT_EQ(second.why(),
            "PTX emulator sm_80 has 2.0 MiB of memory left, but this model takes 4.0 MiB with a context of "
            "200000 tokens; a context of 130560 would fit");
  EXPECT_EQ(first.generate({1, 2}, 5), expected({1, 2}, 5));
}

TEST(CudaRefusals, MoreMemoryThanThereCanBe) {
  GpuModel model;
  model.plan.arena_bytes = uint64_t(1) << 62;
  Loaded loaded(model);
  ASSERT_EQ(loaded.said, "");
  Running running(loaded.open.code, 64);
  EXPECT_EQ(running.status, PHI_NO_MEMORY);
  EXPECT_THAT(running.why(), HasSubstr("this model takes more than there can be"));
}

class LostDevice : public testing::TestWithParam<const char *> {};

TEST_P(LostDevice, IsASentenceAndNoMore) {
  for (int launch = 1; launch <= 6; ++launch) {
    Settings lost{{{"SEED", GetParam()}, {"FAIL_LAUNCH", std::to_string(launch)}}};
    GpuModel model;
    Loaded loaded(model);
    Running running(loaded.open.code, 64), other(loaded.open.code, 64);
    Advance advance = Advance::Done;
    for (int step = 0; step < 3 && advance == Advance::Done; ++step)
      advance = running.add({1});
    ASSERT_EQ(advance, Advance::Failed) << launch;
    EXPECT_THAT(running.why(),
                testing::MatchesRegex("PTX emulator sm_80 failed in stage '(remember|predict)' or before "
                                      "it: unknown error \\(CUDA_ERROR_UNKNOWN\\)"));
    EXPECT_EQ(running.add({1}), Advance::Failed);
    EXPECT_EQ(other.add({1}), Advance::Failed);
    EXPECT_FALSE(copySequence(other.session, &running.session));
  }
}

TEST_P(LostDevice, IsLostInTheStageThatAHookWouldSee) {
  Settings lost{{{"SEED", GetParam()}, {"FAIL_LAUNCH", "4"}}};
  GpuModel model;
  Loaded loaded(model);
  int seen = 0;
  Running running(loaded.open.code, 64,
                  {[](void *seen, const phi_frame *, int32_t) { ++*static_cast<int *>(seen); }, &seen});
  ASSERT_EQ(running.add({1}), Advance::Done);
  ASSERT_EQ(running.add({1}), Advance::Failed);
  EXPECT_EQ(running.why(), "PTX emulator sm_80 failed in stage 'predict': unknown error (CUDA_ERROR_UNKNOWN)");
  EXPECT_EQ(seen, 3);
}

/// Another thread's session may lose the device while one begins.
TEST_P(LostDevice, IsNotOneWithoutMemory) {
  Settings lost{{{"SEED", GetParam()}, {"FAIL_LAUNCH", "1"}}};
  GpuModel model;
  Loaded loaded(model);
  Running running(loaded.open.code, 64);
  ASSERT_EQ(running.add({1}), Advance::Failed);
  EXPECT_FALSE(cuda::findShortage(loaded.open.code, /*weightBytes=*/0, {1024, 64, 64}));
}

INSTANTIATE_TEST_SUITE_P(Seeds, LostDevice, testing::Values("0", "1"));

TEST(CudaRefusals, DamagedCode) {
  const char *damaged = "this model's code for cuda is damaged";
  auto changed = [](auto change) {
    GpuModel model;
    change(model.blob.header(), model.blob.bytes);
    model.update();
    return refused(model);
  };
  EXPECT_EQ(changed([](phi_gpu_code &code, auto &) { ++code.magic; }), damaged);
  EXPECT_EQ(changed([](phi_gpu_code &code, auto &) { ++code.bytes; }), damaged);
  EXPECT_EQ(changed([](phi_gpu_code &code, auto &) { ++code.text_bytes; }), damaged);
  EXPECT_EQ(changed([](phi_gpu_code &code, auto &) { code.kernels = code.bytes - 8; }), damaged);
  EXPECT_EQ(changed([](phi_gpu_code &code, auto &) { code.argument_count = UINT32_MAX; }), damaged);
  EXPECT_EQ(changed([](phi_gpu_code &code, auto &) { code.text = UINT64_MAX; }), damaged);
  EXPECT_EQ(changed([](phi_gpu_code &code, std::string &bytes) {
              reinterpret_cast<phi_gpu_kernel *>(bytes.data() + code.kernels)->argument_count = 61;
            }),
            damaged);
  EXPECT_EQ(changed([](phi_gpu_code &, std::string &bytes) { bytes[bytes.find("predict")] = 'P'; }),
            "this model's code for cuda has no kernel Predict: named symbol not found (CUDA_ERROR_NOT_FOUND)");
}

TEST(CudaRefusals, TextThatTheDriverDoesNotTake) {
  GpuModel model;
  model.blob.bytes.replace(model.blob.bytes.find("ret;"), 4, "rot;");
  model.update();
  EXPECT_THAT(refused(model), testing::MatchesRegex("PTX emulator sm_80 does not take this model's code: a PTX JIT "
                                                    "compilation failed \\(CUDA_ERROR_INVALID_PTX\\): line .*rot.*"));
}

TEST(CudaJit, IsTimedWhereItTakesLong) {
  Settings slow{{{"JIT_MS", "2050"}}};
  GpuModel model;
  EXPECT_THAT(Loaded(model).told,
              testing::MatchesRegex("the driver compiled the code for PTX emulator sm_80 in [2-9]\\.[0-9] "
                                    "s, and keeps it for the next time\n"));
}

TEST(CudaJit, WhoeverWaitsForItLearnsWhetherHeWillAgain) {
  auto told = [] {
    std::string line;
    cuda::tellOfJit("a GPU", 12.34,
                    {[](void *line, const char *text, bool) { *static_cast<std::string *>(line) = text; }, &line});
    return line;
  };
  const std::string home = getenv("HOME") ? getenv("HOME") : "";
  setenv("HOME", testing::TempDir().c_str(), 1);
  EXPECT_EQ(told(), "the driver compiled the code for a GPU in 12.3 s, and keeps it for the next time");
  setenv("CUDA_CACHE_PATH", "/dev/null/cache", 1);
  EXPECT_EQ(told(), "the driver compiled the code for a GPU in 12.3 s, and will each time: its cache, /dev/null/cache, "
                    "cannot be written to; CUDA_CACHE_PATH names another folder");
  setenv("CUDA_CACHE_DISABLE", "1", 1);
  EXPECT_EQ(told(), "the driver compiled the code for a GPU in 12.3 s, and will each time: CUDA_CACHE_DISABLE is set");
  unsetenv("CUDA_CACHE_PATH");
  unsetenv("CUDA_CACHE_DISABLE");
  unsetenv("HOME");
  EXPECT_EQ(told(),
            "the driver compiled the code for a GPU in 12.3 s; where it keeps that is not known: neither HOME nor "
            "CUDA_CACHE_PATH is set");
  setenv("HOME", home.c_str(), 1);
}

} // namespace
