//===- SessionTest.cpp - Steps of a sequence ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/Session.h"
#include "FakeModel.h"
#include "phi/stream.h"
#include "runtime/Os.h"
#include "runtime/StageStream.h"
#include "runtime/devices/cpu/CpuFeatures.h"
#include "gtest/gtest.h"
#include <algorithm>
#include <numeric>
#include <unistd.h>

using namespace phi;
using fake::Step;

namespace {

class SessionTest : public testing::Test {
protected:
  void start(SessionOptions options) {
    Layout layout;
    layoutSession(&session, &layout, code, options);
    bytes = layout.size;
    layout = {};
    layout.base = memory = os::reserve(bytes);
    layoutSession(&session, &layout, code, options);
    ASSERT_EQ(startSession(&session), PHI_OK);
    fake::steps.clear();
  }
  void TearDown() override {
    if (!memory)
      return;
    stopSession(&session);
    os::release(memory, bytes);
  }
  int32_t last() const {
    const phi_frame &frame = session.frame;
    const float *row = session.logits + (frame.rows - frame.logit_row0 - 1) * fake::kVocab;
    return int32_t(std::max_element(row, row + fake::kVocab) - row);
  }
  std::vector<int32_t> generate(std::vector<int32_t> ids, int count) {
    std::vector<int32_t> next;
    EXPECT_EQ(append(&session, ids.data(), int64_t(ids.size()), nullptr), Advance::Done);
    for (next.push_back(last()); int(next.size()) < count; next.push_back(last()))
      EXPECT_EQ(append(&session, &next.back(), 1, nullptr), Advance::Done);
    return next;
  }

  phi_model model = fake::model();
  LoadedCode code = fake::loaded(model);
  Session session = {};
  uint8_t *memory = nullptr;
  uint64_t bytes = 0;
};

std::vector<int32_t> iota(int count) {
  std::vector<int32_t> ids(count);
  std::iota(ids.begin(), ids.end(), 1);
  return ids;
}

TEST_F(SessionTest, StepsFollowTheEntryPointsLimits) {
  start({100, 2, 1, {}});
  std::vector<int32_t> ids = iota(35);
  ASSERT_EQ(append(&session, ids.data(), 35, nullptr), Advance::Done);
  // No logits but the last token's; the whole length from the first chunk on.
  std::vector<Step> wanted = {{'p', 16, 0, 35, 16}, {'p', 16, 16, 35, 16}, {'v', 3, 32, 35, 2}};
  EXPECT_EQ(fake::steps, wanted);
  EXPECT_EQ(last(), 35 * 36 / 2 % 97);
  fake::steps.clear();
  ASSERT_EQ(append(&session, ids.data(), 1, nullptr), Advance::Done);
  EXPECT_EQ(fake::steps, (std::vector<Step>{{'d', 1, 35, 36, 0}}));
}

TEST_F(SessionTest, ALastChunkOfOneIsDecoded) {
  start({100, 1, 1, {}});
  std::vector<int32_t> ids = iota(17);
  append(&session, ids.data(), 17, nullptr);
  EXPECT_EQ(fake::steps, (std::vector<Step>{{'p', 16, 0, 17, 16}, {'d', 1, 16, 17, 0}}));
}

TEST_F(SessionTest, GeneratesTheSameOnAnyNumberOfThreads) {
  for (int32_t threads : {1, 2, 4}) {
    start({100, threads, 1, {}});
    EXPECT_EQ(generate({3, 1, 4, 1, 5}, 20), fake::expected({3, 1, 4, 1, 5}, 20));
    TearDown();
    memory = nullptr;
  }
}

TEST_F(SessionTest, CrossingTheRopeSwitchComputesAllAgain) {
  start({100, 2, 1, {}});
  std::vector<int32_t> ids = iota(38);
  EXPECT_EQ(generate(ids, 8), fake::expected(ids, 8));
  std::vector<Step> wanted = {{'p', 16, 0, 38, 16},
                              {'p', 16, 16, 38, 16},
                              {'v', 6, 32, 38, 5},
                              {'d', 1, 38, 39, 0},
                              {'d', 1, 39, 40, 0},
                              // The 41st token: from the start.
                              {'p', 16, 0, 41, 16},
                              {'p', 16, 16, 41, 16},
                              {'p', 9, 32, 41, 8},
                              {'d', 1, 41, 42, 0}};
  fake::steps.resize(wanted.size());
  EXPECT_EQ(fake::steps, wanted);
}

// What is verified up to the switch goes by the short table, as when it is decoded: the long one begins at the 41st token.
TEST_F(SessionTest, VerifyingAcrossTheRopeSwitchUsesBothTables) {
  start({100, 2, PHI_VERIFY_ROWS, {}});
  std::vector<int32_t> ids = iota(36), more = iota(8);
  ASSERT_EQ(append(&session, ids.data(), 36, nullptr), Advance::Done);
  fake::steps.clear();
  ASSERT_EQ(appendVerified(&session, more.data(), 8), Advance::Done);
  std::vector<Step> wanted = {
      {'v', 4, 36, 40, 0}, {'p', 16, 0, 44, 16}, {'p', 16, 16, 44, 16}, {'v', 8, 32, 44, 8}, {'v', 4, 40, 44, 0}};
  EXPECT_EQ(fake::steps, wanted);
  ASSERT_EQ(session.logitRows, 8);
  for (int row = 0, sum = 36 * 37 / 2; row < 8; ++row)
    EXPECT_EQ(session.logits[row * fake::kVocab + (sum += more[row]) % 97], 1) << row;
}

TEST_F(SessionTest, APromptBeyondTheSwitchUsesTheLongTableAtOnce) {
  start({100, 1, 1, {}});
  std::vector<int32_t> ids = iota(60);
  EXPECT_EQ(generate(ids, 5), fake::expected(ids, 5));
  for (const Step &step : fake::steps)
    EXPECT_GE(step.total, 60);
}

TEST_F(SessionTest, ASinkGetsEveryRow) {
  start({100, 2, fake::kChunkRows, {}});
  std::vector<int32_t> ids = iota(35), rows;
  LogitsSink sink = {[](void *state, const float *logits, int64_t count) {
                       for (; count; --count, logits += fake::kVocab)
                         static_cast<std::vector<int32_t> *>(state)->push_back(
                             int32_t(std::max_element(logits, logits + fake::kVocab) - logits));
                       return true;
                     },
                     &rows};
  ASSERT_EQ(append(&session, ids.data(), 35, &sink), Advance::Done);
  ASSERT_EQ(rows.size(), 35u);
  for (int i = 0; i < 35; ++i)
    EXPECT_EQ(rows[i], (i + 1) * (i + 2) / 2 % 97);
}

TEST_F(SessionTest, APrunedHeadHasOneRow) {
  model.pruned_head = 1;
  start({100, 1, 1, {}});
  std::vector<int32_t> ids = iota(20);
  int64_t rows = 0;
  LogitsSink sink = {
      [](void *state, const float *, int64_t count) { return *static_cast<int64_t *>(state) += count, true; }, &rows};
  ASSERT_EQ(append(&session, ids.data(), 20, &sink), Advance::Done);
  EXPECT_EQ(rows, 1);
  EXPECT_EQ(last(), 210 % 97);
}

TEST_F(SessionTest, TheContextIsRoundedUpInMemoryOnly) {
  start({33, 1, 1, {}});
  EXPECT_EQ(session.contextLimit, 33);
  EXPECT_EQ(session.frame.context, 64);
  EXPECT_EQ(kvBytes(session), 64 * sizeof(int64_t));
}

TEST_F(SessionTest, AnInterruptStopsBetweenSteps) {
  start({100, 1, 1, {}});
  volatile int32_t interrupted = 1;
  session.interrupted = &interrupted;
  int32_t id = 1;
  EXPECT_EQ(append(&session, &id, 1, nullptr), Advance::Interrupted);
  EXPECT_TRUE(fake::steps.empty());
}

TEST(Layout, RefusesWhatCannotBeAddressed) {
  Layout layout;
  layout.take(uint64_t(1) << 40, uint64_t(1) << 40);
  EXPECT_TRUE(layout.overflow);
}

TEST(CpuDevice, TellsWhatIsLacking) {
  char text[64];
  Writer what(text, sizeof(text));
  EXPECT_FALSE(phi_device_cpu.lacks(fake::kVariants[1], 0, what));
  EXPECT_TRUE(phi_device_cpu.lacks(fake::kVariants[0], 0, what));
  EXPECT_STREQ(text, "an unknown feature");
  EXPECT_STREQ(cpuFeatureName(PHI_CPU_F16C | PHI_CPU_BMI2), "F16C");
}

/// Reads one record of a stream that a test wrote to a pipe.
template <typename T> T take(int file) {
  T record = {};
  EXPECT_EQ(read(file, &record, sizeof(record)), ssize_t(sizeof(record)));
  return record;
}

TEST_F(SessionTest, StagesAreStreamed) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  StageStream stream = {};
  stream.device = &session.device;
  stream.file = ends[1];
  start({33, 2, 1, streamHook(&stream)});
  beginStream(&stream, session.frame.context);
  int32_t ids[] = {7, 8, 9};
  ASSERT_EQ(append(&session, ids, 3, nullptr), Advance::Done);
  ASSERT_TRUE(endStream(&stream));
  close(ends[1]);

  auto header = take<phi_stream_header>(ends[0]);
  EXPECT_EQ(header.magic, PHI_STREAM_MAGIC);
  EXPECT_EQ(header.context, 64);
  auto step = take<phi_stream_step>(ends[0]);
  EXPECT_EQ(step.rows, 3);
  EXPECT_EQ(step.logit_row0, 2);
  EXPECT_EQ(take<uint64_t>(ends[0]), 3 * sizeof(int32_t));
  EXPECT_EQ((take<std::array<int32_t, 4>>(ends[0])), (std::array<int32_t, 4>{7, 8, 9, 0}));
  EXPECT_EQ(take<phi_stream_stage>(ends[0]).stage, 0u);
  EXPECT_EQ(take<uint64_t>(ends[0]), 64 * sizeof(int64_t));
  auto cache = take<std::array<int64_t, 64>>(ends[0]);
  EXPECT_EQ(cache[2], 9);
  EXPECT_EQ(cache[3], 0);
  EXPECT_EQ(take<phi_stream_stage>(ends[0]).stage, 1u);
  EXPECT_EQ(take<uint64_t>(ends[0]), fake::kVocab * sizeof(float));
  auto logits = take<std::array<float, fake::kVocab + 1>>(ends[0]); // padded to 8 bytes
  EXPECT_EQ(logits[24], 1);
  EXPECT_EQ(take<phi_stream_step>(ends[0]).rows, 0);
  char more;
  EXPECT_EQ(read(ends[0], &more, 1), 0);
  close(ends[0]);
}

TEST_F(SessionTest, TimesOfStagesAreStreamed) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  StageStream stream = {};
  std::vector<uint64_t> times(fake::kPlan.stage_count, ~uint64_t(0));
  stream.device = &session.device;
  stream.file = ends[1];
  stream.times = times.data();
  start({33, 2, 1, streamHook(&stream)});
  beginStream(&stream, session.frame.context);
  const double before = os::now();
  int32_t ids[] = {7, 8, 9};
  ASSERT_EQ(append(&session, ids, 3, nullptr), Advance::Done);
  const double elapsed = os::now() - before;
  ASSERT_TRUE(endStream(&stream));
  close(ends[1]);

  EXPECT_EQ(take<phi_stream_header>(ends[0]).magic, PHI_TIMES_MAGIC);
  auto step = take<phi_stream_step>(ends[0]);
  EXPECT_EQ(step.rows, 3);
  EXPECT_EQ(step.past, 0);
  double sum = 0;
  for (uint32_t i = 0; i < fake::kPlan.stage_count; ++i)
    sum += double(take<uint64_t>(ends[0])) / 1e9;
  EXPECT_LE(sum, elapsed);
  EXPECT_EQ(take<phi_stream_step>(ends[0]).rows, 0);
  char more;
  EXPECT_EQ(read(ends[0], &more, 1), 0);
  close(ends[0]);
}

} // namespace
