/* generate.c - Answers a prompt with a model that is linked in. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *     ./generate "Why is the sky blue?" 64 */
#include "model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static phi_error error;

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, error.text);
  exit(1);
}

/* Blocks are 64-byte aligned. */
static void *block(size_t bytes) {
  void *memory = NULL;
  if (posix_memalign(&memory, 64, bytes)) {
    fprintf(stderr, "no memory for %zu bytes\n", bytes);
    exit(1);
  }
  return memory;
}

/* The prompt's ids, in the model's chat format where it has one. */
static int64_t encode(const phi_api *api, const phi_facts *facts, const phi_model *model, const char *prompt,
                      int32_t *ids, size_t capacity) {
  phi_message message = {PHI_ROLE_USER, 0, prompt, strlen(prompt)};
  size_t work_bytes = api->encode_work(model, message.bytes, 1);
  void *work = block(work_bytes);
  int64_t count =
      facts->has_chat
          ? api->encode_chat(model, PHI_ROLE_START, &message, 1, -1, ids, capacity, work, work_bytes)
          : api->encode(model, message.text, message.bytes, PHI_ENCODE_PREFIX, ids, capacity, work, work_bytes);
  free(work);
  return count;
}

static int is_stop(const phi_facts *facts, int32_t id) {
  for (uint32_t i = 0; i < facts->stop_id_count; ++i)
    if (facts->stop_ids[i] == id)
      return 1;
  return 0;
}

int main(int argc, char **argv) {
  const phi_api *api = phi_query_model(PHI_ABI_VERSION);
  if (!api || argc < 2) {
    fprintf(stderr, "usage: generate PROMPT [TOKENS]\n");
    return 1;
  }
  long wanted = argc > 2 ? atol(argv[2]) : 32;
  phi_facts facts = {.size = sizeof(facts)};
  api->facts(&facts);

  /* The model: its weights and code, read only. */
  phi_model *model = NULL;
  void *model_memory = block(api->model_bytes());
  if (api->model_open(NULL, model_memory, api->model_bytes(), &model, &error))
    fail("cannot open the model");

  /* A session: one sequence, its KV cache, its threads. */
  phi_session_options options = {.size = sizeof(options)};
  options.threads = api->cores();
  phi_session *session = NULL;
  uint64_t session_bytes = api->session_bytes(model, &options);
  void *session_memory = block(session_bytes);
  if (api->session_create(model, &options, session_memory, session_bytes, &session, &error))
    fail("cannot make a session");

  /* Greedy, unless a temperature is set here. */
  phi_sampler_options sampling = {.size = sizeof(sampling)};
  phi_sampler *sampler = NULL;
  void *sampler_memory = block(api->sampler_bytes(model));
  if (api->sampler_create(model, &sampling, sampler_memory, api->sampler_bytes(model), &sampler, &error))
    fail("cannot make a sampler");

  int32_t *ids = block(facts.context_default * sizeof(int32_t));
  int64_t count = encode(api, &facts, model, argv[1], ids, facts.context_default);
  if (count < 0 || count > facts.context_default) {
    fprintf(stderr, "the prompt cannot be encoded (%lld)\n", (long long)count);
    return 1;
  }
  if (api->prefill(session, ids, count, &error))
    fail("prefill");

  phi_decoder decoder = {0};
  char *piece = block(facts.piece_bytes);
  for (long i = 0; i < wanted; ++i) {
    int32_t id = api->sample(sampler, api->logits(session, 0));
    if (is_stop(&facts, id))
      break;
    fwrite(piece, 1, api->piece(model, &decoder, id, piece), stdout);
    fflush(stdout);
    phi_status status = api->decode(session, id, &error);
    if (status == PHI_FULL)
      break;
    if (status)
      fail("decode");
  }
  fwrite(piece, 1, api->piece_end(model, &decoder, piece), stdout);
  putchar('\n');

  api->session_free(session);
  api->model_close(model);
  free(piece), free(ids), free(sampler_memory), free(session_memory), free(model_memory);
  return 0;
}
