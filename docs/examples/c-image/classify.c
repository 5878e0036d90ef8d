/* classify.c - The class of an image, by a model that is linked in. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *     ./classify image.rgb        PIXELS and CLASSES are what classifier.h calls the sizes; README.md says the rest */
#include "classifier.h"
#include <stdio.h>
#include <stdlib.h>

static unsigned char bytes[PIXELS];
static float pixels[PIXELS], classes[CLASSES];

/* Blocks are 64-byte aligned. */
static void *block(uint64_t size) { return aligned_alloc(64, (size + 63) / 64 * 64); }

int main(int argc, char **argv) {
  const phi_graph_api *api = phi_query_classifier(PHI_GRAPH_VERSION);
  phi_session_options options = {.size = sizeof(options), .threads = api->cores()};
  phi_error error = {""};
  phi_model *model = NULL;
  phi_graph *graph = NULL;
  FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  if (!file || fread(bytes, 1, PIXELS, file) != PIXELS)
    return fprintf(stderr, "usage: classify IMAGE, %u bytes of red, green and blue\n", PIXELS), 1;
  for (size_t i = 0; i < PIXELS; ++i) /* as a plane of each colour, or pixel by pixel as they are */
    pixels[PLANES ? i % 3 * (PIXELS / 3) + i / 3 : i] = ((float)bytes[i] - MEAN) / SCALE;
  if (api->model_open(NULL, block(api->model_bytes()), api->model_bytes(), &model, &error) ||
      api->graph_create(model, &options, block(api->graph_bytes(model, &options)), api->graph_bytes(model, &options),
                        &graph, &error) ||
      phi_classifier_run(graph, pixels, classes, &error))
    return fprintf(stderr, "%s\n", error.text), 1;
  unsigned best = 0;
  for (unsigned i = 1; i < CLASSES; ++i)
    best = classes[i] > classes[best] ? i : best;
  printf("class %u, %g\n", best, classes[best]);
  api->graph_free(graph);
  return 0;
}
