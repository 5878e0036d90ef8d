//===- graph.h - A compiled graph as a library ---------------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interface of what `phic build --emit=lib`, `shared` or `obj` writes of a graph that is no decoder: phi_query_NAME
// returns this table, and the header that phic writes has the sizes of inputs and results and one typed function that
// runs the graph. The rules of phi/runtime.h hold: no global state, nothing is allocated, every object lives in a block
// of yours, 64-byte aligned, whose size it tells beforehand.
//===----------------------------------------------------------------------===//
#ifndef PHI_GRAPH_H
#define PHI_GRAPH_H

#ifndef PHI_RUNTIME_H
#include "phi/runtime.h"
#endif

#define PHI_GRAPH_VERSION 1u

typedef struct phi_graph phi_graph; /* the states of one sequence of runs, with its threads */

typedef struct phi_graph_facts {
  size_t size;
  const char *name, *phic_version, *weights_file; /* the sidecar's name; NULL: weights are embedded */
  uint32_t input_count, result_count, state_count, reserved;
  uint64_t weights_bytes, arena_bytes, scratch_bytes; /* scratch: a thread */
} phi_graph_facts;

typedef struct phi_graph_api {
  size_t size;
  uint32_t version, reserved;
  void (*facts)(phi_graph_facts *facts);
  int32_t (*cores)(void); /* physical cores the process may use; moves the calling thread over them */
  size_t (*model_bytes)(void);
  phi_status (*model_open)(const phi_model_options *, void *memory, size_t bytes, phi_model **, phi_error *);
  void (*model_close)(phi_model *); /* after its graphs */
  /* Of the options, threads and pool count. 0: they are wrong, graph_create says why. Blocks need no clearing. */
  uint64_t (*graph_bytes)(const phi_model *, const phi_session_options *);
  phi_status (*graph_create)(const phi_model *, const phi_session_options *, void *memory, uint64_t bytes, phi_graph **,
                             phi_error *);
  void (*graph_free)(phi_graph *); /* ends its threads; the block is yours again */
  /* One run on dense arrays, in the order of the graph's inputs and results; none may overlap a result. States go on. */
  phi_status (*run)(phi_graph *, const void *const *inputs, void *const *results, phi_error *);
  void (*reset)(phi_graph *); /* all states are zero again */
  /* The elements of state `index` as the last run left them, yours to change; NULL: no such state. */
  void *(*state)(phi_graph *, uint32_t index);
} phi_graph_api;

#endif /* PHI_GRAPH_H */
