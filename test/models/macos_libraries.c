/* macos_libraries.c - Two models in one program for macOS. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Writes the logits after the tokens 1, 2, 3 of both, as bytes. Without headers of the system: there are none. */
#include "one.h"
#include "two.h"

long write(int file, const void *bytes, size_t count);

static char memory[64 << 20] __attribute__((aligned(64)));
static size_t used;

static void *block(uint64_t bytes) {
  void *at = memory + used;
  used += (size_t)(bytes + 63) / 64 * 64;
  return used <= sizeof(memory) ? at : NULL;
}

static int run(const phi_api *api) {
  static const int32_t tokens[] = {1, 2, 3};
  phi_facts facts = {.size = sizeof(facts)};
  phi_error error = {.text = ""};
  phi_model *model = NULL;
  phi_session *session = NULL;
  phi_session_options options = {.size = sizeof(options)};
  options.threads = 2;
  api->facts(&facts);
  if (api->model_open(NULL, block(api->model_bytes()), api->model_bytes(), &model, &error) == PHI_OK) {
    uint64_t bytes = api->session_bytes(model, &options);
    if (api->session_create(model, &options, block(bytes), bytes, &session, &error) == PHI_OK &&
        api->prefill(session, tokens, 3, &error) == PHI_OK) {
      write(1, api->logits(session, 0), facts.vocab * sizeof(float));
      api->session_free(session);
      api->model_close(model);
      return 0;
    }
  }
  size_t length = 0;
  while (error.text[length])
    ++length;
  write(2, error.text, length);
  return 1;
}

int main(void) { return run(phi_query_one(PHI_ABI_VERSION)) || run(phi_query_two(PHI_ABI_VERSION)); }
