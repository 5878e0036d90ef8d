//===- AbacusMachineTest.cpp - A program written by hand ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Three stages on three tokens of two numbers each: logits are twice the products of
// the last token's row with all rows of the table.
//===----------------------------------------------------------------------===//
#include "test/targets/abacus/AbacusMachine.h"
#include "runtime/Os.h"
#include "runtime/Session.h"
#include "test/targets/abacus/Program.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

using namespace phi;
using namespace phic;

extern "C" const phi_device phi_device_abacus;

namespace {

constexpr uint32_t kVocab = 3;
constexpr int64_t kRowBytes = 64, kDoubled = 8 * kRowBytes;

template <typename... Fields> void add(std::vector<uint64_t> &words, Fields... fields) {
  (words.push_back(uint64_t(fields)), ...);
}

/// A value, in three words.
#define VALUE(SPACE, OFFSET) AbacusSpace::SPACE, OFFSET, kRowBytes
/// The table: a strip of five rows, floats.
#define TABLE 0, 5, 0, kVocab, 2

std::vector<uint64_t> program() {
  std::vector<uint64_t> embed, twice, head;
  add(embed, AbacusCode::Embed, 9, AbacusRows::All, VALUE(Arena, 0), TABLE);
  add(twice, AbacusCode::Expression, 14, AbacusRows::All, VALUE(Arena, kDoubled), /*columns=*/2, /*operands=*/1,
      AbacusOperand::Rows, VALUE(Arena, 0), AbacusNode::Add, AbacusNode::Operand, 0, AbacusNode::Operand, 0);
  twice[1] = twice.size() - 2;
  add(head, AbacusCode::Select, 8, AbacusRows::Selected, VALUE(Scratch, 0), VALUE(Arena, kDoubled), /*columns=*/2);
  add(head, AbacusCode::Matmul, 12, AbacusRows::Selected, AbacusSpace::Logits, 0, kVocab * 4, VALUE(Scratch, 0), TABLE);
  std::vector<uint64_t> words = {kAbacusMagic, 0, 3, 8 * kRowBytes, 0, 0, 0};
  for (size_t stage = 0; const std::vector<uint64_t> &code : {embed, twice, head}) {
    words[4 + stage++] = words.size();
    words.push_back(code.size());
    words.insert(words.end(), code.begin(), code.end());
  }
  words[1] = words.size();
  return words;
}

/// [K][5]: (1, 0), (0, 1), (1, 2).
constexpr int64_t kIdsShape[] = {PHI_DIM_ROWS}, kLogitsShape[] = {PHI_DIM_LOGIT_ROWS, kVocab};
constexpr phi_binding kBindings[] = {{"ids", kIdsShape, 1, PHI_I32, PHI_INPUT, kAbacusTokens, kAbacusTokens, 0},
                                     {"logits", kLogitsShape, 2, PHI_F32, PHI_RESULT, kAbacusLogits, kAbacusLogits, 0}};
constexpr phi_entry_desc kEntry = {"prefill", kBindings, 2, 2, 0};
constexpr float kTable[10] = {1, 0, 1, 0, 0, 0, 1, 2, 0, 0};

class AbacusMachine : public testing::Test {
protected:
  AbacusMachine() {
    model.vocab = kVocab;
    model.context_max = 16;
    model.entries = &kEntry;
    model.entry_count = 1;
    variant.plan = &plan;
  }
  bool load() {
    variant.blob = reinterpret_cast<const uint8_t *>(words.data());
    variant.blob_bytes = words.size() * sizeof(uint64_t);
    Writer errors(text, sizeof(text));
    return phi_device_abacus.load(&code, reinterpret_cast<const uint8_t *>(kTable), {}, {}, errors);
  }
  /// Starts a session.
  void start(StageHook hook) {
    ASSERT_TRUE(load()) << text;
    const SessionOptions options = {16, 1, 1, hook};
    Layout layout;
    layoutSession(&session, &layout, code, options);
    bytes = layout.size;
    layout = {};
    layout.base = memory = os::reserve(bytes);
    layoutSession(&session, &layout, code, options);
    ASSERT_EQ(startSession(&session), PHI_OK);
  }
  ~AbacusMachine() override {
    if (memory) {
      stopSession(&session);
      os::release(memory, bytes);
    }
    if (code.weights)
      phi_device_abacus.unload(&code);
  }

  std::vector<uint64_t> words = program();
  phi_stage_desc stages[3] = {{"embed", nullptr, 0, 0}, {"twice", nullptr, 0, 0}, {"head", nullptr, 0, 1}};
  phi_plan plan = {&phi_device_abacus, 0, sizeof(kTable), 16 * kRowBytes, 0, 0, stages, 3, /*chunk_rows=*/8,
                   /*context_step=*/4, 0};
  phi_variant variant = {};
  phi_model model = {};
  LoadedCode code = {&model, &variant, nullptr, nullptr, 0};
  Session session = {};
  uint8_t *memory = nullptr;
  uint64_t bytes = 0;
  char text[256] = "";
};

TEST_F(AbacusMachine, RunsAProgram) {
  std::vector<float> seen; // of the second stage, by the hook
  struct Watch {
    Session &session;
    std::vector<float> &seen;
  } watch{session, seen};
  start({[](void *state, const phi_frame *frame, int32_t stage) {
           auto &[session, seen] = *static_cast<Watch *>(state);
           for (int64_t row = 0; stage == 1 && row < frame->rows; ++row) {
             HostBytes bytes = phi_device_abacus.download(session.device, frame->arena + kDoubled + row * kRowBytes, 8);
             ASSERT_EQ(bytes.count, 8u);
             seen.resize(seen.size() + 2);
             memcpy(seen.data() + seen.size() - 2, bytes.begin, 8);
           }
         },
         &watch});
  const int32_t ids[] = {1, 2};
  ASSERT_EQ(append(&session, ids, 2, nullptr), Advance::Done);
  EXPECT_EQ(seen, (std::vector<float>{0, 2, 2, 4}));
  EXPECT_EQ(std::vector<float>(session.logits, session.logits + 3), (std::vector<float>{2, 4, 10}));
}

TEST_F(AbacusMachine, AnUnknownInstructionFailsInWords) {
  words[words[5] + 1] = 99; // the code of the second stage
  start({});
  const int32_t id = 1;
  ASSERT_EQ(append(&session, &id, 1, nullptr), Advance::Failed);
  Writer errors(text, sizeof(text));
  explainFailure(session, errors);
  EXPECT_STREQ(text, "the abacus met an instruction that it does not have, in stage 'twice'");
}

TEST_F(AbacusMachine, ADamagedProgramIsRefused) {
  words.pop_back();
  EXPECT_FALSE(load());
  EXPECT_STREQ(text, "this model's code for the abacus is damaged");
}

TEST(Halves, RoundAsTheCompilerDoes) {
  for (uint32_t half = 0; half < 0x10000; ++half) {
    _Float16 meant;
    memcpy(&meant, &half, sizeof(meant));
    if (!std::isnan(float(meant))) {
      EXPECT_EQ(floatOf(uint16_t(half)), float(meant)) << half;
    }
  }
  std::mt19937 random(1);
  for (int i = 0; i < 100000; ++i) {
    const auto bits = uint32_t(random());
    float value;
    memcpy(&value, &bits, sizeof(value));
    value = i % 2 ? value : std::ldexp(float(int32_t(bits)), int(bits % 40) - 55);
    const auto meant = _Float16(value);
    uint16_t wanted;
    memcpy(&wanted, &meant, sizeof(wanted));
    if (!std::isnan(value)) {
      EXPECT_EQ(halfOf(value), wanted) << value;
    }
  }
}

} // namespace
