/* two_models.c - Two models in one program. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Each library has one symbol of its own, so that nothing of the two can meet. */
#include "model.h"
#include "other.h"
#include <stdio.h>
#include <stdlib.h>

static void *block(size_t bytes) {
  void *memory = NULL;
  return posix_memalign(&memory, 64, bytes) ? NULL : memory;
}

/* The ids that follow 1, 2, 3 by the largest logit. */
static int run(const phi_api *api) {
  static const int32_t prompt[] = {1, 2, 3};
  phi_error error = {""};
  phi_facts facts = {.size = sizeof(facts)};
  phi_model *model = NULL;
  phi_session *session = NULL;
  api->facts(&facts);
  void *model_memory = block(api->model_bytes());
  int failed = api->model_open(NULL, model_memory, api->model_bytes(), &model, &error);
  uint64_t bytes = failed ? 0 : api->session_bytes(model, NULL);
  void *session_memory = block(bytes);
  failed = failed || api->session_create(model, NULL, session_memory, bytes, &session, &error) ||
           api->prefill(session, prompt, 3, &error);
  for (int i = 0; i < 8 && !failed; ++i) {
    const float *logits = api->logits(session, 0);
    int32_t best = 0;
    for (uint32_t id = 0; id < facts.vocab; ++id)
      best = logits[id] > logits[best] ? (int32_t)id : best;
    printf("%d%c", best, i < 7 ? ' ' : '\n');
    failed = api->decode(session, best, &error);
  }
  if (failed)
    fprintf(stderr, "%s: %s\n", facts.name, error.text);
  api->session_free(session);
  api->model_close(model);
  free(session_memory), free(model_memory);
  return failed != 0;
}

int main(void) { return run(phi_query_model(PHI_ABI_VERSION)) | run(phi_query_other(PHI_ABI_VERSION)); }
