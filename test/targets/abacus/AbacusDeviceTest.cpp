//===- AbacusDeviceTest.cpp - Sessions whose memory is elsewhere -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fake model on the memory of an abacus: its kernels are told where the bytes are,
// and nobody else is.
//===----------------------------------------------------------------------===//
#include "runtime/Os.h"
#include "runtime/Session.h"
#include "runtime/devices/cpu/Threads.h"
#include "test/runtime/FakeModel.h"
#include "test/targets/abacus/AbacusMemory.h"
#include "gtest/gtest.h"
#include <algorithm>

using namespace phi;

extern "C" const phi_device phi_device_abacus;

namespace {

/// Runs native code, where the bytes are.
void runNative(const DeviceSession &session, uint32_t entry, phi_frame *frame) {
  phi_frame here = *frame;
  uint8_t *const slots[] = {abacusBytes(frame->bindings[0]), abacusBytes(frame->bindings[1]),
                            abacusBytes(frame->bindings[2])};
  here.bindings = slots;
  here.arena = abacusBytes(frame->arena);
  here.scratch = abacusBytes(frame->scratch);
  std::vector<uint8_t> memory(schedulerBytes(1) + 64);
  auto *aligned = reinterpret_cast<uint8_t *>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
  phi_scheduler *scheduler = startScheduler(aligned, 1, 0, {});
  runStep(scheduler, session.code->variant->entries[entry], &here);
  stopScheduler(scheduler);
}

/// A header without stages, for the size of scratch memory in it.
constexpr uint64_t kNoProgram[4] = {};

const phi_device &device() {
  static const phi_device table = [] {
    phi_device table = phi_device_abacus;
    table.run = runNative;
    return table;
  }();
  return table;
}

struct Running {
  Running(const LoadedCode &code, int64_t context) {
    Layout layout;
    const SessionOptions options = {context, 1, PHI_VERIFY_ROWS, {}};
    layoutSession(&session, &layout, code, options);
    bytes = layout.size;
    layout = {};
    layout.base = memory = os::reserve(bytes);
    layoutSession(&session, &layout, code, options);
    EXPECT_EQ(startSession(&session), PHI_OK);
  }
  ~Running() {
    stopSession(&session);
    os::release(memory, bytes);
  }
  int32_t best(int64_t row = 0) const {
    const float *logits = session.logits + row * fake::kVocab;
    return int32_t(std::max_element(logits, logits + fake::kVocab) - logits);
  }
  std::vector<int32_t> generate(std::vector<int32_t> ids, int count) {
    std::vector<int32_t> next;
    EXPECT_EQ(append(&session, ids.data(), int64_t(ids.size()), nullptr), Advance::Done);
    for (next.push_back(best()); int(next.size()) < count; next.push_back(best()))
      EXPECT_EQ(append(&session, &next.back(), 1, nullptr), Advance::Done);
    return next;
  }
  Session session = {};
  uint8_t *memory;
  uint64_t bytes;
};

class AbacusDevice : public testing::Test {
protected:
  AbacusDevice() {
    plan.device = &device();
    variant.plan = &plan;
    variant.blob = reinterpret_cast<const uint8_t *>(kNoProgram);
    code = {&model, &variant, reserveAbacus(64, "weights"), nullptr, 0};
  }
  ~AbacusDevice() override { releaseAbacus(code.weights); }

  phi_model model = fake::model();
  phi_plan plan = fake::kPlan;
  phi_variant variant = fake::kVariants[1];
  LoadedCode code;
};

TEST_F(AbacusDevice, GeneratesWhatAProcessorDoes) {
  // More than a chunk, and across the switch of the RoPE table, after which all is computed again.
  for (int length : {3, 17, 38}) {
    Running running(code, 100);
    std::vector<int32_t> ids(size_t(length), 3);
    EXPECT_EQ(running.generate(ids, 8), fake::expected(ids, 8));
  }
}

TEST_F(AbacusDevice, ForksAndForgets) {
  Running first(code, 100), second(code, 33);
  first.generate({10, 20, 30}, 1);
  ASSERT_TRUE(copySequence(first.session, &second.session));
  EXPECT_EQ(second.best(), first.best());
  EXPECT_EQ(second.generate({5}, 6), fake::expected({10, 20, 30, 5}, 6));
  EXPECT_EQ(first.generate({7}, 6), fake::expected({10, 20, 30, 7}, 6));
  truncate(&second.session, 2);
  EXPECT_EQ(second.generate({9}, 3), fake::expected({10, 20, 9}, 3));
}

TEST_F(AbacusDevice, VerifiesEveryRow) {
  Running running(code, 100);
  running.generate({3, 1}, 1);
  const int32_t guesses[] = {1, 2, 3};
  ASSERT_EQ(appendVerified(&running.session, guesses, 3), Advance::Done);
  EXPECT_EQ(running.best(0), 5);
  EXPECT_EQ(running.best(1), 7);
  EXPECT_EQ(running.best(2), 10);
}

TEST_F(AbacusDevice, TooMuchMemoryIsRefusedInWords) {
  plan.arena_bytes = uint64_t(1) << 40;
  Session session = {};
  Layout layout;
  const SessionOptions options = {100, 1, 1, {}};
  layoutSession(&session, &layout, code, options);
  std::vector<uint8_t> block(layout.size + 64);
  layout = {};
  layout.base = reinterpret_cast<uint8_t *>((reinterpret_cast<uintptr_t>(block.data()) + 63) / 64 * 64);
  layoutSession(&session, &layout, code, options);
  EXPECT_EQ(startSession(&session), PHI_NO_MEMORY);
  char text[128];
  Writer errors(text, sizeof(text));
  explainFailure(session, errors);
  EXPECT_STREQ(text, "the abacus has no 1099511632896 bytes of memory for a session; a smaller --ctx takes less");
}

TEST_F(AbacusDevice, TheHostMustNotTouchItsMemory) {
  Running running(code, 100);
  const phi_frame &frame = running.session.frame;
  auto touch = [](const void *address) { return *static_cast<const volatile uint8_t *>(address); };
  auto ends = testing::ExitedWithCode(3);
  EXPECT_EXIT(touch(frame.weights), ends, "the host touched the abacus's weights, 0 bytes from their start");
  EXPECT_EXIT(touch(frame.bindings[fake::kLogitsSlot]), ends,
              "the host touched the abacus's results, 0 bytes from their start");
  EXPECT_EXIT(touch(frame.bindings[fake::kKvSlot] + 8), ends, "the host touched the abacus's work memory");
  EXPECT_EXIT(touch(frame.bindings[fake::kTokenSlot]), ends, "the host touched the abacus's work memory");
  EXPECT_EXIT(memset(frame.arena, 1, 1), ends, "the host touched the abacus's work memory");
}

} // namespace
