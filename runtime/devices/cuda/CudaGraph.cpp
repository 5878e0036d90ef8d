//===- CudaGraph.cpp - A step that is launched at once -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/devices/cuda/CudaGraph.h"

#include "runtime/devices/cuda/CudaSession.h"

namespace phi::cuda {
namespace {

bool isSame(const StepKey &a, const StepKey &b) {
  return a.entry == b.entry && a.rows == b.rows && a.logitRow0 == b.logitRow0 && a.slots == b.slots;
}

/// Nothing that other threads ask of the driver meanwhile is recorded, or forbidden to them.
constexpr int kThisThread = 1;

/// The steps like this one. nullptr: it is the first, which is remembered.
StepGraph *findKind(StepGraphs &graphs, const Driver &driver, const StepKey &key) {
  for (StepGraph &kind : graphs.kinds)
    if (kind.isKnown && isSame(kind.key, key))
      return &kind;
  StepGraph &kind = graphs.kinds[graphs.oldest];
  graphs.oldest = (graphs.oldest + 1) % StepGraphs::kMost;
  if (kind.exec)
    driver.graphExecDestroy(kind.exec);
  kind = {key, true, nullptr};
  return nullptr;
}

/// What `launch` launches, as a graph; nothing of it runs. nullptr: the driver has none for it.
GraphExec record(CudaSession &session, const Driver &driver, void (*launch)(CudaSession &)) {
  if (driver.streamBeginCapture(session.stream, kThisThread) != kSuccess)
    return nullptr;
  launch(session);
  Graph graph = nullptr;
  GraphExec exec = nullptr;
  if (driver.streamEndCapture(session.stream, &graph) != kSuccess || !graph) {
    session.failed =
        kSuccess; // launches of a recording that came to nothing; what is wrong besides, the driver says again
    return nullptr;
  }
  if (driver.graphInstantiate(&exec, graph, 0) != kSuccess)
    exec = nullptr;
  driver.graphDestroy(graph);
  return exec;
}

} // namespace

void runAsGraph(CudaSession &session, const Driver &driver, const StepKey &key, void (*launch)(CudaSession &)) {
  StepGraphs &graphs = session.graphs;
  const bool isPossible = session.failed == kSuccess && driver.graphInstantiate && !graphs.isImpossible;
  StepGraph *kind = isPossible ? findKind(graphs, driver, key) : nullptr;
  if (kind && !kind->exec) {
    kind->exec = record(session, driver, launch);
    graphs.isImpossible = !kind->exec;
  }
  if (!kind || !kind->exec)
    return launch(session);
  session.stage = int32_t(session.self->code->plan().stage_count) - 1; // or before it
  succeeds(session, driver.graphLaunch(kind->exec, session.stream), session.stage);
}

void dropGraphs(StepGraphs &graphs, const Driver &driver) {
  for (StepGraph &kind : graphs.kinds)
    if (kind.exec)
      driver.graphExecDestroy(kind.exec);
}

} // namespace phi::cuda
