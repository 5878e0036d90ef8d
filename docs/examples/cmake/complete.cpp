//===- complete.cpp - Goes on with a text ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <assistant.h>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

struct Free {
  void operator()(void *memory) const { std::free(memory); }
};
using Block = std::unique_ptr<void, Free>;
static Block block(size_t bytes) { return Block(std::aligned_alloc(64, (bytes + 63) / 64 * 64)); }

static int fail(const phi_error &error) {
  std::fprintf(stderr, "complete: %s\n", error.text);
  return 1;
}

int main(int argc, char **argv) {
  const phi_api &api = *phi_query_assistant(PHI_ABI_VERSION);
  phi_facts facts = {};
  facts.size = sizeof(facts);
  api.facts(&facts);

  phi_error error;
  phi_model *model = nullptr;
  Block modelMemory = block(api.model_bytes());
  if (api.model_open(nullptr, modelMemory.get(), api.model_bytes(), &model, &error))
    return fail(error);
  phi_session *session = nullptr;
  Block sessionMemory = block(api.session_bytes(model, nullptr));
  if (api.session_create(model, nullptr, sessionMemory.get(), api.session_bytes(model, nullptr), &session, &error))
    return fail(error);

  std::string text = argc > 1 ? argv[1] : "Hello";
  Block work = block(api.encode_work(model, text.size(), 0));
  std::vector<int32_t> ids(facts.context_default);
  int64_t count = api.encode(model, text.data(), text.size(), PHI_ENCODE_PREFIX, ids.data(), ids.size(), work.get(),
                             api.encode_work(model, text.size(), 0));
  if (count <= 0 || count > int64_t(ids.size()) || api.prefill(session, ids.data(), count, &error))
    return fail(error);

  phi_decoder decoder = {};
  std::string piece(facts.piece_bytes, '\0');
  for (int i = 0; i < 16; ++i) {
    const float *logits = api.logits(session, 0);
    int32_t best = 0;
    for (uint32_t id = 1; id < facts.vocab; ++id)
      best = logits[id] > logits[best] ? int32_t(id) : best;
    std::fwrite(piece.data(), 1, api.piece(model, &decoder, best, piece.data()), stdout);
    if (api.decode(session, best, &error))
      return fail(error);
  }
  std::fwrite(piece.data(), 1, api.piece_end(model, &decoder, piece.data()), stdout);
  std::puts("");
  api.session_free(session);
  api.model_close(model);
}
