//===- CudaDeviceTest.cpp - Sessions on a GPU --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a session does, on the stand-in: which does its work when the host waits for it (an even seed) or at once (an odd
// one), so that whoever reads or writes too early is found.
//===----------------------------------------------------------------------===//
#include "CudaSessions.h"
#include <thread>

using namespace phi;
using namespace phi::fake;

namespace {

class CudaDevice : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override { ASSERT_EQ(loaded.said, ""); }
  const LoadedCode &code() { return loaded.open.code; }

  Settings settings{{{"SEED", GetParam()}}};
  GpuModel model;
  Loaded loaded{model};
};

TEST_P(CudaDevice, GeneratesWhatAProcessorDoes) {
  // More than a chunk, and across the switch of the RoPE table, after which all is computed again.
  for (int length : {3, 17, 38}) {
    Running running(code(), 100);
    std::vector<int32_t> ids(size_t(length), 3);
    EXPECT_EQ(running.generate(ids, 8), expected(ids, 8));
  }
}

TEST_P(CudaDevice, ForksAndForgets) {
  Running first(code(), 100), second(code(), 33);
  first.generate({10, 20, 30}, 1);
  ASSERT_TRUE(copySequence(first.session, &second.session));
  EXPECT_EQ(second.best(), first.best());
  EXPECT_EQ(second.generate({5}, 6), expected({10, 20, 30, 5}, 6));
  EXPECT_EQ(first.generate({7}, 6), expected({10, 20, 30, 7}, 6));
  truncate(&second.session, 2);
  EXPECT_EQ(second.generate({9}, 3), expected({10, 20, 9}, 3));
}

TEST_P(CudaDevice, VerifiesEveryRow) {
  Running running(code(), 100);
  running.generate({3, 1}, 1);
  const int32_t guesses[] = {1, 2, 3};
  ASSERT_EQ(appendVerified(&running.session, guesses, 3), Advance::Done);
  EXPECT_EQ(running.best(0), 5);
  EXPECT_EQ(running.best(1), 7);
  EXPECT_EQ(running.best(2), 10);
}

/// What a hook saw after each stage.
struct Watch {
  const DeviceSession *device = nullptr;
  int begun = 0;
  std::vector<int32_t> stages;
  std::vector<int64_t> cached; ///< token of row 0, after `remember`
};

void look(void *state, const phi_frame *frame, int32_t stage) {
  auto &watch = *static_cast<Watch *>(state);
  watch.stages.push_back(stage);
  if (stage != 0)
    return;
  const uint8_t *cache = frame->bindings[kKvSlot] + kCacheAt * uint64_t(frame->context) + frame->past * 8;
  const HostBytes bytes = phi_device_cuda.download(*watch.device, cache, 8);
  int64_t token;
  ASSERT_EQ(bytes.count, 8u);
  memcpy(&token, bytes.begin, 8);
  watch.cached.push_back(token);
}

TEST_P(CudaDevice, AHookSeesEachStage) {
  Watch watch;
  Running running(code(), 100, {look, &watch, [](void *state) { ++static_cast<Watch *>(state)->begun; }});
  watch.device = &running.session.device;
  std::vector<int32_t> ids(20, 3); // a chunk, of which no logits are wanted, and five more tokens
  ids.push_back(4);
  ASSERT_EQ(running.add(ids), Advance::Done);
  ASSERT_EQ(running.add({9}), Advance::Done);
  EXPECT_EQ(watch.begun, int(watch.stages.size() / 2));
  EXPECT_EQ(watch.stages, (std::vector<int32_t>{0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(watch.cached, (std::vector<int64_t>{3, 3, 9}));
}

TEST_P(CudaDevice, MuchIsUploadedAndDownloadedInParts) {
  model.plan.arena_bytes = 3 << 20;
  Running running(code(), 100);
  const DeviceSession &device = running.session.device;
  std::vector<uint8_t> bytes(model.plan.arena_bytes), back;
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = uint8_t(i * 7 + i / 1000);
  phi_device_cuda.upload(device, running.session.frame.arena, bytes.data(), bytes.size());
  const std::vector<uint8_t> wanted = bytes;
  ASSERT_TRUE(phi_device_cuda.wait(device)) << running.why();
  while (back.size() < wanted.size()) {
    HostBytes part =
        phi_device_cuda.download(device, running.session.frame.arena + back.size(), wanted.size() - back.size());
    ASSERT_GT(part.count, 0u);
    back.insert(back.end(), part.begin, part.begin + part.count);
  }
  EXPECT_EQ(back, wanted);
}

TEST_P(CudaDevice, SessionsShareAModelAtTheSameTime) {
  std::vector<std::thread> users;
  for (int user = 0; user < 4; ++user)
    users.emplace_back([&, user] {
      Running running(code(), 100);
      std::vector<int32_t> prompt(size_t(3 + user), user + 1);
      EXPECT_EQ(running.generate(prompt, 20), expected(prompt, 20));
    });
  for (std::thread &user : users)
    user.join();
}

/// Asks in the middle of a step for what cannot be recorded: the recording comes to nothing.
void launchAndWait(phi_frame *frame, int32_t) {
  phi_launch_cuda(frame, 0, kRemember, 0, 1, int32_t(frame->rows));
  void *wait = os::findSymbol(os::openLibrary("libcuda.so.1"), "cuCtxSynchronize");
  reinterpret_cast<int (*)()>(wait)();
  phi_launch_cuda(frame, 1, kPredict, kPredictArguments, 1, int32_t(frame->rows - frame->logit_row0));
}

TEST_P(CudaDevice, WhatCannotBeRecordedIsLaunched) {
  const phi_entry entries[] = {launchAndWait, launchAndWait, launchAndWait};
  model.variants[0].entries = entries;
  EXPECT_EQ(Running(code(), 100).generate({3, 4}, 8), expected({3, 4}, 8));
}

TEST_P(CudaDevice, TheUseIsAnnounced) {
  Running running(code(), 100);
  char text[128];
  Writer line(text, sizeof(text));
  phi_device_cuda.announce(running.session.device, line);
  EXPECT_STREQ(text, "on PTX emulator sm_80, 20.0 MiB of 16.0 GiB");
}

INSTANTIATE_TEST_SUITE_P(Seeds, CudaDevice, testing::Values("0", "1", "2", "3"));

/// A number of the file that the stand-in writes when a context ends.
uint64_t counterOf(const std::string &path, const std::string &name) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const size_t at = text.str().find('"' + name + "\":");
  return at == std::string::npos ? UINT64_MAX : strtoull(text.str().c_str() + at + name.size() + 3, nullptr, 10);
}

TEST(CudaCounters, AStepWaitsOnceAndMovesLittle) {
  const std::string path = testing::TempDir() + "phi-cuda-counters.json";
  const std::vector<std::string> names = {"synchronisations", "uploaded", "downloaded", "launches", "graphs"};
  auto countersOf = [&](int steps) {
    Settings settings{{{"COUNTERS", path}}};
    GpuModel model;
    Loaded loaded(model);
    EXPECT_EQ(loaded.said, "");
    Running(loaded.open.code, 100).generate({1, 2, 3}, steps);
    closeModel(&loaded.open);
    std::map<std::string, uint64_t> counters;
    for (const std::string &name : names)
      counters[name] = counterOf(path, name);
    return counters;
  };
  std::map<std::string, uint64_t> few = countersOf(5), many = countersOf(15);
  EXPECT_EQ(many["synchronisations"] - few["synchronisations"], 10u);
  EXPECT_EQ(many["uploaded"] - few["uploaded"], 10 * (sizeof(phi_frame) + sizeof(int32_t)));
  EXPECT_EQ(many["downloaded"] - few["downloaded"], 10 * kVocab * sizeof(float));
  EXPECT_EQ(many["launches"] - few["launches"], 20u);
  EXPECT_EQ(few["graphs"], 3u); // of five steps: a prompt's, and the first of a token, are launched
  EXPECT_EQ(many["graphs"], 13u);
}

} // namespace
