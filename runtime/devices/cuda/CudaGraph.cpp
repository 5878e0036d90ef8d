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

/// What `launch` launches, as a graph; nothing of it runs. nullptr: the driver has none for it.
GraphExec record(CudaSession &session, const Driver &driver, void (*launch)(CudaSession &)) {
  if (driver.streamBeginCapture(session.stream, kThisThread) != kSuccess)
    return nullptr;
  launch(session);
  Graph graph = nullptr;
  GraphExec exec = nullptr;
  if (driver.streamEndCapture(session.stream, &graph) != kSuccess || !graph)
    return nullptr;
  if (driver.graphInstantiate(&exec, graph, 0) != kSuccess)
    exec = nullptr;
  driver.graphDestroy(graph);
  return exec;
}

} // namespace

void runAsGraph(CudaSession &session, const Driver &driver, const StepKey &key, void (*launch)(CudaSession &)) {
  StepGraph &graph = session.graph;
  const bool isLike = graph.isKnown && isSame(graph.last, key);
  graph.last = key;
  graph.isKnown = true;
  if (!isLike)
    dropGraph(graph, driver);
  else if (!graph.exec && driver.graphInstantiate)
    graph.exec = record(session, driver, launch);
  if (!graph.exec)
    return launch(session);
  session.stage = int32_t(session.self->code->plan().stage_count) - 1; // or before it
  succeeds(session, driver.graphLaunch(graph.exec, session.stream), session.stage);
}

void dropGraph(StepGraph &graph, const Driver &driver) {
  if (graph.exec)
    driver.graphExecDestroy(graph.exec);
  graph.exec = nullptr;
}

} // namespace phi::cuda
