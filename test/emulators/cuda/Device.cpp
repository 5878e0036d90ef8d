//===- Device.cpp - One device, its streams and what they have to do -----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Device.h"
#include <algorithm>
#include <cstdio>

namespace ptx {

thread_local Device *currentDevice = nullptr;

Driver &driver() {
  static Driver *its = new Driver; // other threads may still call when the process ends
  return *its;
}

Device *Driver::current() {
  for (auto &device : devices)
    if (device.get() == currentDevice)
      return currentDevice;
  return nullptr;
}

Device::Device(int ordinal, const Settings &settings) : settings(settings), ordinal(ordinal), memory(settings.memory) {
  streams.emplace_back();
}

Device::~Device() { writeCounters(*this); }

CUstream_st *Device::streamOf(CUstream handle) {
  // 1 and 2 are the legacy default stream and the thread's own.
  if (reinterpret_cast<uintptr_t>(handle) <= 2)
    return &streams.front();
  for (CUstream_st &stream : streams)
    if (&stream == handle)
      return &stream;
  return nullptr;
}

namespace {

bool forbids(const CUstream_st &stream) {
  return stream.own && (stream.mode == 0 || (stream.mode == 1 && stream.thread == std::this_thread::get_id()));
}

} // namespace

bool Device::isCapturing() const { return std::any_of(streams.begin(), streams.end(), forbids); }

CUresult Device::refuseInCapture(CUstream_st *its) {
  for (CUstream_st &stream : streams)
    if (forbids(stream))
      stream.own->isBroken = true;
  if (its && its->capture)
    its->capture->isBroken = true;
  return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
}

void Device::enqueue(CUstream_st &stream, Work work) {
  if (stream.capture) {
    stream.capture->nodes.push_back(std::make_unique<CUgraphNode_st>());
    stream.capture->nodes.back()->work = std::move(work);
    return;
  }
  // The default stream and the others come one after the other.
  if (&stream == &streams.front()) {
    for (CUstream_st &other : streams)
      if (other.isBlocking && &other != &stream)
        drain(other);
  } else if (stream.isBlocking) {
    drain(streams.front());
  }
  stream.works.push_back(std::move(work));
  if (settings.seed % 2)
    drain(stream);
}

void Device::step(CUstream_st &stream) {
  if (stream.works.empty())
    return;
  Work work = std::move(stream.works.front());
  stream.works.pop_front();
  if (!error)
    execute(work);
}

void Device::drain(CUstream_st &stream) {
  while (!stream.works.empty())
    step(stream);
}

void Device::drainAll() {
  for (CUstream_st &stream : streams)
    drain(stream);
}

void Device::execute(const Work &work) {
  if (work.kind != Work::kernel)
    return work.run(*this);
  try {
    launch(work);
  } catch (const Fault &fault) {
    error = fault.code;
    driver().fault = fault.what();
    fprintf(stderr, "cuda emulator: %s\n", fault.what());
  }
}

void Device::launch(const Work &work) {
  ++launches;
  if (launches == settings.failLaunch) {
    error = CUDA_ERROR_UNKNOWN;
    return;
  }
  Launch its = work.launch;
  its.id = launches;
  Grid(std::move(its), memory, counts[work.launch.kernel->name]).run();
}

void writeCounters(const Device &device) {
  if (device.settings.counters.empty())
    return;
  FILE *file = fopen(device.settings.counters.c_str(), "w");
  if (!file) {
    fprintf(stderr, "cuda emulator: cannot write '%s'\n", device.settings.counters.c_str());
    return;
  }
  using Number = unsigned long long;
  fprintf(file,
          "{\n  \"launches\": %llu,\n  \"synchronisations\": %llu,\n  \"uploaded\": %llu,\n  \"downloaded\": %llu,\n",
          Number(device.launches), Number(device.totals.synchronisations), Number(device.totals.uploaded),
          Number(device.totals.downloaded));
  fprintf(file, "  \"modules\": %llu,\n  \"graphs\": %llu,\n  \"jit_ms\": %.3f,\n  \"kernels\": {",
          Number(device.totals.modules), Number(device.totals.graphs), device.totals.jitMilliseconds);
  const char *separator = "\n";
  for (const auto &[name, counts] : device.counts) {
    fprintf(file,
            "%s    \"%s\": {\"launches\": %llu, \"instructions\": %llu, \"read\": %llu, \"written\": %llu, "
            "\"read_once\": %llu, "
            "\"written_once\": %llu}",
            separator, name.c_str(), Number(counts.launches), Number(counts.instructions), Number(counts.readBytes),
            Number(counts.writtenBytes), Number(counts.readDistinct), Number(counts.writtenDistinct));
    separator = ",\n";
  }
  fprintf(file, "\n  }\n}\n");
  fclose(file);
}

namespace {

/// Counters of a process that ends without giving its context back.
struct AtEnd {
  ~AtEnd() {
    for (auto &device : driver().devices)
      if (device)
        writeCounters(*device);
  }
} atEnd;

} // namespace

const Limits &limitsOf(unsigned capability) {
  static constexpr Limits rows[] = {{75, 65536, 65536, 1024, 16},   {80, 166912, 167936, 2048, 32},
                                    {86, 101376, 102400, 1536, 16}, {89, 101376, 102400, 1536, 24},
                                    {90, 232448, 233472, 2048, 32}, {100, 232448, 233472, 2048, 32},
                                    {120, 101376, 102400, 1536, 24}};
  for (const Limits &row : rows)
    if (row.capability == capability)
      return row;
  return rows[0];
}

unsigned registersOf(const Kernel &kernel) { return std::min(255u, 16 + kernel.registers / 2); }

unsigned occupancy(const Settings &settings, const Kernel &kernel, uint32_t threads, uint64_t dynamicShared) {
  const Limits &limits = limitsOf(settings.capability);
  uint32_t warps = (threads + 31) / 32;
  uint64_t shared = kernel.sharedBytes + dynamicShared + (settings.capability >= 80 ? 1024 : 0);
  unsigned count = std::min(limits.blocksPerProcessor, limits.threadsPerProcessor / (32 * warps));
  return std::min<uint64_t>(count, std::min<uint64_t>(limits.sharedPerProcessor / std::max<uint64_t>(shared, 1),
                                                      65536 / (registersOf(kernel) * 32ull * warps)));
}

} // namespace ptx
