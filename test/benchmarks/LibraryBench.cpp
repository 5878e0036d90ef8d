//===- LibraryBench.cpp - What the C interface costs -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The overhead of `decode` is all that it does but the compiled entry point: the time
// of a call, through the table, whose entry point returns at once. Beside it, a real
// step of a tiny model's shared library (the argument), and the share. Both in turns,
// least of many: other processes only ever add time.
//===----------------------------------------------------------------------===//
#include "phi/format.h"
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

extern "C" const phi_device phi_device_cpu;

namespace {

constexpr int kRounds = 200, kSteps = 100, kPrompt = 100;

const phi_plan kPlan = {&phi_device_cpu, 0, 0, 64, 64, 64, nullptr, 0, /*chunk_rows=*/256, /*context_step=*/32, 0};
const phi_entry kNothing = [](phi_frame *, int32_t) {};
const phi_variant kEmpty = {"empty", &kPlan, 0, &kNothing, nullptr, 0};
const int64_t kRows[] = {PHI_DIM_ROWS}, kLogits[] = {PHI_DIM_LOGIT_ROWS, 640};
const phi_binding kBindings[] = {{"ids", kRows, 1, PHI_I32, PHI_INPUT, 0, 0, 0},
                                 {"logits", kLogits, 2, PHI_F32, PHI_RESULT, 1, 1, 0}};
const phi_entry_desc kEntry = {"prefill", kBindings, 2, 2, 0};
alignas(64) const phi_weights_trailer kNoWeights = {0, 0, {}, PHI_WEIGHTS_MAGIC};

phi_model emptyModel() {
  phi_model model = {};
  model.size = sizeof(model);
  model.version = PHI_FORMAT_VERSION;
  model.name = model.phic_version = "empty";
  model.vocab = 640;
  model.context_max = model.context_default = 512;
  model.weights = reinterpret_cast<const uint8_t *>(&kNoWeights);
  model.entries = &kEntry;
  model.entry_count = 1;
  model.variants = &kEmpty;
  model.variant_count = 1;
  return model;
}

void check(phi_status status, const phi_error &error) {
  if (status == PHI_OK)
    return;
  std::fprintf(stderr, "LibraryBench: %s\n", error.text);
  std::exit(1);
}

void *block(uint64_t bytes) { return std::aligned_alloc(64, (bytes + 63) / 64 * 64); }

/// A session of one thread behind a table, kPrompt tokens long.
class Bench {
public:
  explicit Bench(const phi_api &api) : api(api) {
    phi_error error = {};
    phi_model *model = nullptr;
    check(api.model_open(nullptr, block(api.model_bytes()), api.model_bytes(), &model, &error), error);
    uint64_t bytes = api.session_bytes(model, nullptr);
    check(api.session_create(model, nullptr, block(bytes), bytes, &session, &error), error);
    for (int i = 0; i < kPrompt; ++i)
      check(api.decode(session, i, &error), error);
  }
  /// Nanoseconds of one decode, over kSteps of them.
  double step() {
    api.truncate(session, kPrompt, nullptr);
    auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kSteps; ++i)
      api.decode(session, 1, nullptr);
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - begin).count() / kSteps;
  }

private:
  const phi_api &api;
  phi_session *session = nullptr;
};

} // namespace

extern "C" const phi_api *phi_query(uint32_t version);
extern "C" const phi_model phi_the_model = emptyModel();

int main(int argc, char **argv) {
  void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : nullptr;
  auto query = library ? reinterpret_cast<const phi_api *(*)(uint32_t)>(dlsym(library, "phi_query_tiny")) : nullptr;
  if (!query) {
    std::fprintf(stderr, "usage: LibraryBench LIBRARY.so, made with --name=tiny: %s\n",
                 argc == 2 ? dlerror() : "no library given");
    return 1;
  }
  Bench empty(*phi_query(PHI_ABI_VERSION)), real(*query(PHI_ABI_VERSION));
  double overhead = 1e9, step = 1e9;
  for (int round = 0; round < kRounds; ++round) {
    overhead = std::min(overhead, empty.step());
    step = std::min(step, real.step());
  }
  std::printf("decode through the C interface: %.1f ns of overhead in a step of %.1f us, %.3f %%\n", overhead,
              step / 1000, 100 * overhead / step);
}
