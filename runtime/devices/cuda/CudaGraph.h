//===- CudaGraph.h - A step that is launched at once -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A step like an earlier one is recorded while its entry point launches, and launched as a whole from then on: the
// driver's work a launch is done once. What differs between such steps is in the frame, which kernels read. A few kinds are
// kept: steps of one token and of guesses come in turns, and so do those of a graph whose states change places.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_DEVICES_CUDA_CUDAGRAPH_H
#define PHI_RUNTIME_DEVICES_CUDA_CUDAGRAPH_H

#include "phi/format.h"
#include "runtime/devices/cuda/CudaDriver.h"

namespace phi::cuda {

/// What launches depend on, besides what a session keeps.
struct StepKey {
  uint32_t entry;
  int64_t rows, logitRow0;
  uint64_t slots; ///< a hash of the binding table
};

struct StepGraph {
  StepKey key;
  bool isKnown; ///< there was such a step
  GraphExec exec; ///< launches it; nullptr: not recorded
};

struct StepGraphs {
  static constexpr uint32_t kMost = 8;
  StepGraph kinds[kMost];
  uint32_t oldest; ///< gives way to the next
  bool isImpossible; ///< the driver did not record one
};

struct CudaSession;

/// Runs the launches that `launch` makes in the session's stream, the driver permitting as a graph.
void runAsGraph(CudaSession &session, const Driver &driver, const StepKey &key, void (*launch)(CudaSession &));
void dropGraphs(StepGraphs &graphs, const Driver &driver);

} // namespace phi::cuda

#endif // PHI_RUNTIME_DEVICES_CUDA_CUDAGRAPH_H
