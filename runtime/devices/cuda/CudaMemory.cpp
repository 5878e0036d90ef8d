//===- CudaMemory.cpp - What is taken of a GPU's memory ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/devices/cuda/CudaMemory.h"

#include "runtime/devices/cuda/CudaMachine.h"

namespace phi::cuda {
namespace {

/// The driver gives memory in pages of this size.
constexpr uint64_t kPage = uint64_t(2) << 20;
/// What no GPU has: sums of a few such numbers are none that wrap.
constexpr uint64_t kMost = uint64_t(1) << 60;

uint64_t roundUp(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

/// The longest context for which so many bytes are enough.
int64_t fittingContext(const LoadedCode &code, const SessionNeed &need, uint64_t bytes) {
  const phi_plan &plan = code.plan();
  const uint64_t perToken = plan.state_bytes_per_token;
  if (!need.context || !perToken)
    return 0;
  SessionNeed empty = need;
  empty.workBytes -= perToken * uint64_t(need.context);
  const uint64_t fixed = blockFor(gpuCode(*code.variant), empty).bytes;
  return fixed < bytes ? int64_t((bytes - fixed) / perToken / plan.context_step * plan.context_step) : 0;
}

} // namespace

SessionBlock blockFor(const phi_gpu_code &gpu, const SessionNeed &need) {
  constexpr uint64_t kAlign = 256; // as the driver aligns
  if (need.workBytes > kMost || need.resultBytes > kMost)
    return {0, 0, 0, UINT64_MAX};
  SessionBlock block;
  block.results = roundUp(need.workBytes, kAlign);
  block.workspace = roundUp(block.results + need.resultBytes, kAlign);
  block.frame = roundUp(block.workspace + gpu.workspace_bytes, kAlign);
  block.bytes = block.frame + kAlign;
  return block;
}

Shortage findShortage(const LoadedCode &code, uint64_t weightBytes, const SessionNeed &need) {
  size_t unused = 0, total = 0;
  if (codeOf(code).driver.memGetInfo(&unused, &total) != kSuccess)
    return {}; // a device that is lost: the driver says so when it is asked for memory
  const uint64_t weights = roundUp(weightBytes, kPage), session = blockFor(gpuCode(*code.variant), need).bytes;
  Shortage shortage;
  shortage.unused = unused / kPage * kPage;
  shortage.needed = session > kMost ? UINT64_MAX : weights + (need.workBytes ? roundUp(session, kPage) : 0);
  if (!shortage)
    return {};
  shortage.context = need.context;
  if (weights < shortage.unused && session <= kMost)
    shortage.fitting = fittingContext(code, need, shortage.unused - weights);
  return shortage;
}

void writeShortage(const CudaCode &code, const Shortage &shortage, Writer &out) {
  writeBytes(shortage.unused, out << code.name << " has ");
  out << " of memory left, but this model takes ";
  if (shortage.needed == UINT64_MAX)
    out << "more than there can be";
  else
    writeBytes(shortage.needed, out);
  if (shortage.context)
    out << " with a context of " << shortage.context << " tokens";
  if (shortage.fitting)
    out << "; a context of " << shortage.fitting << " would fit";
  else
    out << "; all of a model runs on one GPU, or on the processor (cpu)";
}

} // namespace phi::cuda
