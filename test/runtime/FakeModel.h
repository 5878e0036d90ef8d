//===- FakeModel.h - A model of C++ kernels --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The KV cache keeps each position's token times the RoPE table in force (1, or
// 1000 for a long sequence); a row's logits are one at the sum of the sequence
// up to it, modulo the vocabulary. So that any token lost, repeated, misplaced or
// rotated by the wrong table shows.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_RUNTIME_FAKEMODEL_H
#define PHIC_TEST_RUNTIME_FAKEMODEL_H

#include "runtime/devices/Device.h"
#include <cstring>
#include <vector>

namespace phi::fake {

constexpr uint32_t kVocab = 97, kChunkRows = 16;
constexpr uint32_t kTokenSlot = 0, kLogitsSlot = 1, kKvSlot = 2;

/// One step, as an entry point saw it.
struct Step {
  char entry;  ///< 'd'ecode, 'v'erify, 'p'refill
  int64_t rows, past, total, logitRow0;
  bool operator==(const Step &) const = default;
};

/// Of the thread that ran thread 0 of the session.
inline thread_local std::vector<Step> steps;

inline int64_t table(const phi_frame &frame) { return frame.total > 40 ? 1000 : 1; }

inline void remember(const phi_frame *frame, const int64_t *, int64_t begin, int64_t end, uint8_t *) {
  auto *cache = reinterpret_cast<int64_t *>(frame->bindings[kKvSlot]);
  for (int64_t row = begin; row < end; ++row)
    cache[frame->past + row] = reinterpret_cast<const int32_t *>(frame->bindings[kTokenSlot])[row] * table(*frame);
}

inline void predict(const phi_frame *frame, const int64_t *, int64_t begin, int64_t end, uint8_t *) {
  auto *cache = reinterpret_cast<const int64_t *>(frame->bindings[kKvSlot]);
  for (int64_t row = begin; row < end; ++row) {
    int64_t sum = 0;
    for (int64_t at = 0; at <= frame->past + frame->logit_row0 + row; ++at)
      sum += cache[at] / table(*frame) * (cache[at] % table(*frame) == 0);
    float *logits = reinterpret_cast<float *>(frame->bindings[kLogitsSlot]) + row * kVocab;
    std::memset(logits, 0, kVocab * sizeof(float));
    logits[sum % kVocab] = 1;
  }
}

inline void runStages(phi_frame *frame, int32_t thread, char entry) {
  if (thread == 0)
    steps.push_back({entry, frame->rows, frame->past, frame->total, frame->logit_row0});
  phi_run_stage(frame, thread, 0, remember, nullptr, frame->rows);
  phi_run_stage(frame, thread, 1, predict, nullptr, frame->rows - frame->logit_row0);
}

inline constexpr int64_t kRowsShape[] = {PHI_DIM_ROWS}, kLogitsShape[] = {PHI_DIM_LOGIT_ROWS, kVocab},
                         kKvShape[] = {PHI_DIM_CONTEXT, sizeof(int64_t)};
inline constexpr phi_binding kBindings[] = {
    {"ids", kRowsShape, 1, PHI_I32, PHI_INPUT, kTokenSlot, kTokenSlot, 0},
    {"logits", kLogitsShape, 2, PHI_F32, PHI_RESULT, kLogitsSlot, kLogitsSlot, 0},
    {"kv", kKvShape, 2, PHI_U8, PHI_STATE, kKvSlot, kKvSlot, 0},
};
inline constexpr phi_entry_desc kEntries[] = {
    {"decode", kBindings, 3, 3, 1}, {"verify", kBindings, 3, 3, PHI_VERIFY_ROWS}, {"prefill", kBindings, 3, 3, 0}};
inline constexpr phi_entry kCode[] = {[](phi_frame *f, int32_t t) { runStages(f, t, 'd'); },
                                      [](phi_frame *f, int32_t t) { runStages(f, t, 'v'); },
                                      [](phi_frame *f, int32_t t) { runStages(f, t, 'p'); }};

inline constexpr phi_stage_output kCacheOutput = {PHI_SPACE_KV_KEY, /*group=*/1, sizeof(int64_t), 0, /*strips=*/1, 0};
inline constexpr phi_stage_output kLogitsOutput = {PHI_SPACE_BINDING, 0, kVocab * sizeof(float), kLogitsSlot, 0, 0};
inline constexpr phi_stage_desc kStages[] = {{"remember", &kCacheOutput, 1, 0}, {"predict", &kLogitsOutput, 1, 1}};
inline constexpr phi_plan kPlan = {&phi_device_cpu,     0,       0, /*arena_bytes=*/64, /*scratch_bytes=*/64,
                                   sizeof(int64_t),     kStages, 2, kChunkRows,
                                   /*context_step=*/32, 0};
inline constexpr phi_variant kVariants[] = {{"impossible", &kPlan, uint64_t(1) << 63, nullptr, nullptr, 0},
                                            {"fake", &kPlan, 0, kCode, nullptr, 0}};
inline constexpr int32_t kStopIds[] = {96};

/// Weights are only a trailer: the model needs none.
alignas(64) inline constexpr phi_weights_trailer kWeights = {0, 0, {}, PHI_WEIGHTS_MAGIC};

inline phi_model model() {
  phi_model model = {};
  model.size = sizeof(phi_model);
  model.version = PHI_FORMAT_VERSION;
  model.name = "fake";
  model.phic_version = "test";
  model.vocab = kVocab;
  model.context_max = 128;
  model.context_default = 100;
  model.rope_switch = 40;
  model.weights = reinterpret_cast<const uint8_t *>(&kWeights);
  model.variants = kVariants;
  model.variant_count = 2;
  model.entries = kEntries;
  model.entry_count = 3;
  model.stop_ids = kStopIds;
  model.stop_id_count = 1;
  model.generation = {0, 1, 0, 0, 1};
  return model;
}

/// Its code for any processor; `model` outlives it.
inline LoadedCode loaded(const phi_model &model) { return {&model, &kVariants[1], model.weights, nullptr, 0}; }

/// The ids a greedy run gives after these.
inline std::vector<int32_t> expected(std::vector<int32_t> ids, int count) {
  int64_t sum = 0;
  for (int32_t id : ids)
    sum += id;
  std::vector<int32_t> next;
  for (int i = 0; i < count; ++i) {
    next.push_back(int32_t(sum % kVocab));
    sum += next.back();
  }
  return next;
}

} // namespace phi::fake

#endif // PHIC_TEST_RUNTIME_FAKEMODEL_H
