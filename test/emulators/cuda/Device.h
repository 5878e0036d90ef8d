//===- Device.h - One device, its streams and what they have to do -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Work is put into streams and done as late as the driver allows: when the host waits for it (with an odd seed at once).
// A host that reads too early reads what was there before. The first fault stays until the context is reset, and every
// call answers with it.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_DEVICE_H
#define PHIC_TEST_EMULATORS_CUDA_DEVICE_H

#include "Driver.h"
#include "Grid.h"
#include "Settings.h"
#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <mutex>
#include <set>
#include <thread>

namespace ptx {

class Device;

/// What a graph's node, or an entry of a stream, does.
struct Work {
  enum Kind { kernel = 0, copy = 1, set = 2, other = 5 } kind = other;
  std::function<void(Device &)> run;
  Launch launch; ///< of a kernel, in place of `run`
};

} // namespace ptx

// What the driver's handles point to.
struct CUmod_st {
  std::unique_ptr<ptx::Module> module;
  std::list<CUfunc_st> functions;
  std::vector<uint64_t> allocations;
};
struct CUfunc_st {
  CUmod_st *module;
  ptx::Kernel *kernel;
  uint32_t mostDynamicShared;
};
struct CUgraphNode_st {
  ptx::Work work;
};
struct CUgraph_st {
  std::vector<std::unique_ptr<CUgraphNode_st>> nodes;
  bool isBroken = false; ///< something was done that cannot be captured
};
struct CUgraphExec_st {
  std::vector<ptx::Work> works;
  std::map<CUgraphNode, size_t> places;
};
struct CUstream_st {
  std::deque<ptx::Work> works;
  bool isBlocking = true; ///< the default stream waits for it, and it for the default stream
  std::unique_ptr<CUgraph_st> own; ///< that it captures into, where it began the capture
  CUgraph_st *capture = nullptr;
  int mode = 0; ///< of the capture: 0 forbids to all threads what cannot be captured, 1 to its own, 2 to none
  std::thread::id thread; ///< that began it
};
struct CUevent_st {
  CUstream_st *stream = nullptr; ///< in which it was recorded last
  uint64_t recorded = 0, done = 0; ///< how often
  std::chrono::steady_clock::time_point time;
  CUgraph_st *capture = nullptr;
};

namespace ptx {

struct Totals {
  uint64_t synchronisations = 0, uploaded = 0, downloaded = 0, modules = 0, graphs = 0;
  double jitMilliseconds = 0;
};

class Device {
public:
  Device(int ordinal, const Settings &settings);
  ~Device();

  /// Puts work into a stream, or into the graph that it captures.
  void enqueue(CUstream_st &stream, Work work);
  /// Does all that is in a stream, or the next thing only.
  void drain(CUstream_st &stream);
  void step(CUstream_st &stream);
  void drainAll();
  void execute(const Work &work);
  /// The stream of a handle, the default one for null; null if there is none such.
  CUstream_st *streamOf(CUstream handle);
  /// Whether a capture forbids this thread what cannot be captured.
  bool isCapturing() const;
  /// Breaks those captures, and the one of `stream`: something was called that may not be.
  CUresult refuseInCapture(CUstream_st *stream = nullptr);

  Settings settings;
  int ordinal;
  Memory memory;
  CUresult error = CUDA_SUCCESS;
  std::map<std::string, Counts> counts;
  Totals totals;
  uint64_t launches = 0;
  std::list<CUmod_st> modules;
  std::list<CUstream_st> streams; ///< the first one is the default
  std::list<CUevent_st> events;
  std::list<CUgraph_st> graphs;
  std::list<CUgraphExec_st> execs;
  unsigned retained = 0;

private:
  void launch(const Work &work);
};

/// Writes the counters to the file that the settings name.
void writeCounters(const Device &device);

/// What a capability has of something.
struct Limits {
  unsigned capability, sharedPerBlock, sharedPerProcessor, threadsPerProcessor, blocksPerProcessor;
};
const Limits &limitsOf(unsigned capability);

/// How many CTAs of a kernel fit into a multiprocessor.
unsigned occupancy(const Settings &settings, const Kernel &kernel, uint32_t threads, uint64_t dynamicShared);
/// Registers that a thread is taken to need: a guess, the hardware's number is another.
unsigned registersOf(const Kernel &kernel);

/// The driver's state: one for the process.
struct Driver {
  std::recursive_mutex mutex;
  bool isReady = false;
  Settings settings;
  std::vector<std::unique_ptr<Device>> devices;
  std::string fault;
  Device *current();
};
Driver &driver();
extern thread_local Device *currentDevice;

/// Runs `body(device)` for the current context, unless a fault came before.
template <class Body> CUresult onDevice(Body &&body) {
  Driver &its = driver();
  std::lock_guard<std::recursive_mutex> lock(its.mutex);
  if (!its.isReady)
    return CUDA_ERROR_NOT_INITIALIZED;
  Device *device = its.current();
  if (!device)
    return CUDA_ERROR_INVALID_CONTEXT;
  if (device->error)
    return device->error;
  CUresult result = body(*device);
  return device->error ? device->error : result;
}

} // namespace ptx

#endif
