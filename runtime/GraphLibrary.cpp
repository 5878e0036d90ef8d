//===- GraphLibrary.cpp - The table of a graph's library ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// phi_query is the one symbol that a library exports; the compiler renames it to phi_query_NAME and makes every other
// symbol local.
//===----------------------------------------------------------------------===//
#include "GraphSession.h"
#include "LibraryCalls.h"
#include "Os.h"
#include "phi/graph.h"

struct phi_graph : phi::GraphSession {};

namespace phi {
namespace {

size_t modelBytes() { return sizeof(OpenModel); }

phi_status openGraphModel(const phi_model_options *given, void *memory, size_t bytes, phi_model **model,
                          phi_error *errorText) {
  ErrorText error(errorText);
  if (!model)
    return error(PHI_BAD_ARGUMENT, "there is no place for the model's pointer");
  *model = nullptr;
  if (!blockFits(memory, bytes, sizeof(OpenModel), error))
    return PHI_NO_MEMORY;
  phi_model_options options = readOptions(given);
  auto *open = static_cast<OpenModel *>(memory);
  *open = {};
  phi_status status = openAsAsked(open, phi_the_model, options, error);
  if (status != PHI_OK)
    return status;
  logOpened(options, *open);
  *model = &open->model;
  return PHI_OK;
}

void closeGraphModel(phi_model *model) {
  if (model)
    closeModel(reinterpret_cast<OpenModel *>(model));
}

/// The session at the start of its block, and what belongs to it.
phi_graph *placeGraph(Layout *layout, const phi_model &model, const phi_session_options &options, phi_graph *graph) {
  auto *placed = layout->take<phi_graph>(1);
  SessionOptions wanted = {};
  wanted.threads = options.threads;
  wanted.pool = options.pool;
  layoutGraph(graph, layout, reinterpret_cast<const OpenModel &>(model).code, wanted);
  return placed;
}

uint64_t bytesFor(const phi_model &model, const phi_session_options &options) {
  Layout layout;
  phi_graph measured = {};
  placeGraph(&layout, model, options, &measured);
  return layout.overflow ? 0 : layout.size;
}

uint64_t graphBytes(const phi_model *model, const phi_session_options *given) {
  ErrorText error(nullptr);
  phi_session_options options = readOptions(given);
  return model && checkThreads(&options.threads, error) ? bytesFor(*model, options) : 0;
}

phi_status createGraph(const phi_model *model, const phi_session_options *given, void *memory, uint64_t bytes,
                       phi_graph **graph, phi_error *errorText) {
  ErrorText error(errorText);
  if (!model || !graph)
    return error(PHI_BAD_ARGUMENT, model ? "there is no place for the graph's pointer" : "there is no model");
  *graph = nullptr;
  phi_session_options options = readOptions(given);
  if (!checkThreads(&options.threads, error))
    return PHI_BAD_ARGUMENT;
  uint64_t needed = bytesFor(*model, options);
  if (!needed || !blockFits(memory, bytes, needed, error))
    return needed ? PHI_NO_MEMORY : error(PHI_NO_MEMORY, "more memory than a process can have");
  Layout layout;
  layout.base = static_cast<uint8_t *>(memory);
  phi_graph placed = {};
  phi_graph *created = placeGraph(&layout, *model, options, &placed);
  *created = placed;
  const phi_status status = startGraph(created);
  if (status != PHI_OK) {
    explainGraph(*created, error);
    return status;
  }
  *graph = created;
  return PHI_OK;
}

void freeGraph(phi_graph *graph) {
  if (graph)
    stopGraph(graph);
}

/// The caller's memory into the slots; false after a sentence about what is missing.
bool givePointers(phi_graph *graph, const void *const *inputs, void *const *results, ErrorText &error) {
  const phi_entry_desc &entry = entryOf(*graph->model);
  uint32_t input = 0, result = 0;
  for (uint32_t i = 0; i < entry.binding_count; ++i) {
    const phi_binding &binding = entry.bindings[i];
    if (binding.kind == PHI_STATE)
      continue;
    auto *memory = binding.kind == PHI_INPUT ? static_cast<uint8_t *>(const_cast<void *>(inputs[input++]))
                                             : static_cast<uint8_t *>(results[result++]);
    if (!memory || reinterpret_cast<uintptr_t>(memory) % elementBytes(binding.element)) {
      error << (binding.kind == PHI_INPUT ? "input '" : "result '") << binding.name
            << (memory ? "' is not aligned as its elements are" : "' has no memory");
      return false;
    }
    uint64_t wrong = 0;
    int64_t value = 0;
    if (binding.kind == PHI_INPUT && !hasIndices(binding, memory, &wrong, &value)) {
      writeWrongIndex(binding, wrong, value, error);
      return false;
    }
    if (binding.kind == PHI_INPUT)
      giveInput(graph, binding, memory);
    else
      takeResult(graph, binding, memory);
  }
  return true;
}

phi_status run(phi_graph *graph, const void *const *inputs, void *const *results, phi_error *errorText) {
  ErrorText error(errorText);
  if (!graph || !inputs || !results)
    return error(PHI_BAD_ARGUMENT, graph ? "there are no inputs, or no results" : "there is no graph");
  if (!givePointers(graph, inputs, results, error))
    return PHI_BAD_ARGUMENT;
  if (runGraph(graph))
    return PHI_OK;
  explainGraph(*graph, error);
  return PHI_DEVICE_FAILED;
}

void reset(phi_graph *graph) {
  if (graph)
    resetGraph(graph);
}

void *state(phi_graph *graph, uint32_t index) {
  if (!graph)
    return nullptr;
  const phi_entry_desc &entry = entryOf(*graph->model);
  for (uint32_t i = 0; i < entry.binding_count; ++i)
    if (entry.bindings[i].kind == PHI_STATE && index-- == 0)
      return stateOf(graph, entry.bindings[i]);
  return nullptr;
}

uint32_t countOf(uint32_t kind) {
  const phi_entry_desc &entry = entryOf(phi_the_model);
  uint32_t count = 0;
  for (uint32_t i = 0; i < entry.binding_count; ++i)
    count += entry.bindings[i].kind == kind;
  return count;
}

void writeFacts(phi_graph_facts *facts) {
  const phi_model &model = phi_the_model;
  const phi_plan &plan = *model.variants[0].plan;
  phi_graph_facts known = {facts->size,         model.name,          model.phic_version, model.sidecar,
                           countOf(PHI_INPUT),  countOf(PHI_RESULT), countOf(PHI_STATE), 0,
                           model.weights_bytes, plan.arena_bytes,    plan.scratch_bytes};
  memcpy(facts, &known, facts->size < sizeof(known) ? facts->size : sizeof(known));
}

constexpr phi_graph_api kApi = {
    sizeof(phi_graph_api),
    PHI_GRAPH_VERSION,
    0,
    writeFacts,
    os::physicalCores,
    modelBytes,
    openGraphModel,
    closeGraphModel,
    graphBytes,
    createGraph,
    freeGraph,
    run,
    reset,
    state,
};

} // namespace
} // namespace phi

extern "C" __attribute__((visibility("default"))) const phi_graph_api *phi_query(uint32_t version);
const phi_graph_api *phi_query(uint32_t version) { return version == PHI_GRAPH_VERSION ? &phi::kApi : nullptr; }
