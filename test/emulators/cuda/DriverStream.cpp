//===- DriverStream.cpp - Streams, events, graphs ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Device.h"
#include <algorithm>

using namespace ptx;

namespace {

template <class T> T *oneOf(std::list<T> &all, T *handle) {
  for (T &one : all)
    if (&one == handle)
      return &one;
  return nullptr;
}

template <class T> CUresult destroy(std::list<T> &all, T *handle) {
  if (!oneOf(all, handle))
    return CUDA_ERROR_INVALID_HANDLE;
  all.remove_if([&](const T &one) { return &one == handle; });
  return CUDA_SUCCESS;
}

/// Runs `body(device, stream)`.
template <class Body> CUresult onStream(CUstream handle, Body &&body) {
  return onDevice([&](Device &device) -> CUresult {
    CUstream_st *stream = device.streamOf(handle);
    return stream ? body(device, *stream) : CUDA_ERROR_INVALID_HANDLE;
  });
}
template <class Body> CUresult onEvent(CUevent handle, Body &&body) {
  return onDevice([&](Device &device) -> CUresult {
    CUevent_st *event = oneOf(device.events, handle);
    return event ? body(device, *event) : CUDA_ERROR_INVALID_HANDLE;
  });
}

bool isDone(const CUevent_st &event) { return event.done == event.recorded; }

} // namespace

CUresult cuStreamCreate(CUstream *stream, unsigned flags) {
  return onDevice([&](Device &device) {
    device.streams.emplace_back();
    device.streams.back().isBlocking = !(flags & 1);
    *stream = &device.streams.back();
    return CUDA_SUCCESS;
  });
}
CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned flags, int) { return cuStreamCreate(stream, flags); }

CUresult cuStreamDestroy_v2(CUstream handle) {
  return onStream(handle, [&](Device &device, CUstream_st &stream) -> CUresult {
    if (&stream == &device.streams.front())
      return CUDA_ERROR_INVALID_HANDLE;
    device.drain(stream);
    for (CUevent_st &event : device.events)
      event.stream = event.stream == &stream ? nullptr : event.stream;
    return destroy(device.streams, &stream);
  });
}

CUresult cuStreamSynchronize(CUstream handle) {
  return onStream(handle, [&](Device &device, CUstream_st &stream) -> CUresult {
    if (stream.capture)
      return device.refuseInCapture(&stream);
    ++device.totals.synchronisations;
    device.drain(stream);
    return CUDA_SUCCESS;
  });
}

/// Each question lets the device do one thing more.
CUresult cuStreamQuery(CUstream handle) {
  return onStream(handle, [&](Device &device, CUstream_st &stream) -> CUresult {
    if (stream.capture)
      return device.refuseInCapture(&stream);
    if (stream.works.empty())
      return CUDA_SUCCESS;
    device.step(stream);
    return CUDA_ERROR_NOT_READY;
  });
}

CUresult cuStreamWaitEvent(CUstream handle, CUevent eventHandle, unsigned) {
  return onStream(handle, [&](Device &device, CUstream_st &stream) -> CUresult {
    CUevent_st *event = oneOf(device.events, eventHandle);
    if (!event)
      return CUDA_ERROR_INVALID_HANDLE;
    // What waits for an event of a captured stream is captured, too, behind what is there already.
    if (event->capture || stream.capture) {
      stream.capture = event->capture ? event->capture : stream.capture;
      return CUDA_SUCCESS;
    }
    if (isDone(*event) || event->stream == &stream)
      return CUDA_SUCCESS;
    Work work;
    work.run = [event, upTo = event->recorded](Device &device) {
      while (event->done < upTo && event->stream && !event->stream->works.empty())
        device.step(*event->stream);
    };
    device.enqueue(stream, std::move(work));
    return CUDA_SUCCESS;
  });
}

CUresult cuEventCreate(CUevent *event, unsigned) {
  return onDevice([&](Device &device) {
    device.events.emplace_back();
    *event = &device.events.back();
    return CUDA_SUCCESS;
  });
}

CUresult cuEventDestroy_v2(CUevent handle) {
  return onEvent(handle, [&](Device &device, CUevent_st &event) -> CUresult {
    if (!isDone(event))
      device.drainAll();
    return destroy(device.events, &event);
  });
}

CUresult cuEventRecord(CUevent handle, CUstream streamHandle) {
  return onEvent(handle, [&](Device &device, CUevent_st &event) -> CUresult {
    CUstream_st *stream = device.streamOf(streamHandle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    event.capture = stream->capture;
    if (stream->capture)
      return CUDA_SUCCESS;
    event.stream = stream;
    Work work;
    work.run = [&event, number = ++event.recorded](Device &) {
      event.done = std::max(event.done, number);
      event.time = std::chrono::steady_clock::now();
    };
    device.enqueue(*stream, std::move(work));
    return CUDA_SUCCESS;
  });
}

CUresult cuEventSynchronize(CUevent handle) {
  return onEvent(handle, [&](Device &device, CUevent_st &event) -> CUresult {
    if (event.capture)
      return device.refuseInCapture();
    ++device.totals.synchronisations;
    while (!isDone(event) && event.stream && !event.stream->works.empty())
      device.step(*event.stream);
    return CUDA_SUCCESS;
  });
}

CUresult cuEventQuery(CUevent handle) {
  return onEvent(handle, [&](Device &device, CUevent_st &event) -> CUresult {
    if (isDone(event))
      return CUDA_SUCCESS;
    if (event.stream)
      device.step(*event.stream);
    return CUDA_ERROR_NOT_READY;
  });
}

CUresult cuEventElapsedTime(float *milliseconds, CUevent beginHandle, CUevent endHandle) {
  return onEvent(beginHandle, [&](Device &device, CUevent_st &begin) -> CUresult {
    CUevent_st *end = oneOf(device.events, endHandle);
    if (!end || !begin.recorded || !end->recorded)
      return CUDA_ERROR_INVALID_HANDLE;
    if (!isDone(begin) || !isDone(*end))
      return CUDA_ERROR_NOT_READY;
    *milliseconds = std::chrono::duration<float, std::milli>(end->time - begin.time).count();
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamBeginCapture_v2(CUstream handle, int mode) {
  return onStream(handle, [&](Device &device, CUstream_st &stream) -> CUresult {
    if (&stream == &device.streams.front())
      return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (stream.capture)
      return CUDA_ERROR_INVALID_VALUE;
    stream.own = std::make_unique<CUgraph_st>();
    stream.capture = stream.own.get();
    stream.mode = mode;
    stream.thread = std::this_thread::get_id();
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamEndCapture(CUstream handle, CUgraph *graph) {
  return onStream(handle, [&](Device &device, CUstream_st &stream) -> CUresult {
    if (!stream.own)
      return CUDA_ERROR_INVALID_VALUE;
    for (CUstream_st &other : device.streams)
      if (&other != &stream && other.capture == stream.own.get())
        other.capture = nullptr;
    for (CUevent_st &event : device.events)
      if (event.capture == stream.own.get())
        event.capture = nullptr;
    std::unique_ptr<CUgraph_st> done = std::move(stream.own);
    stream.capture = nullptr;
    *graph = nullptr;
    if (done->isBroken)
      return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    device.graphs.push_back(std::move(*done));
    *graph = &device.graphs.back();
    return CUDA_SUCCESS;
  });
}

CUresult cuStreamIsCapturing(CUstream handle, int *status) {
  return onStream(handle, [&](Device &, CUstream_st &stream) {
    *status = !stream.capture ? 0 : stream.capture->isBroken ? 2 : 1;
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode *nodes, size_t *count) {
  return onDevice([&](Device &device) -> CUresult {
    if (!oneOf(device.graphs, graph))
      return CUDA_ERROR_INVALID_VALUE;
    for (size_t i = 0; nodes && i < *count; ++i)
      nodes[i] = i < graph->nodes.size() ? graph->nodes[i].get() : nullptr;
    *count = nodes ? std::min(*count, graph->nodes.size()) : graph->nodes.size();
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphNodeGetType(CUgraphNode node, int *type) {
  return onDevice([&](Device &) {
    *type = node->work.kind;
    return CUDA_SUCCESS;
  });
}

/// The values of the parameters stay where the node has them; kernelParams is null, as `extra` leads to them.
CUresult cuGraphKernelNodeGetParams_v2(CUgraphNode node, CUDA_KERNEL_NODE_PARAMS *parameters) {
  return onDevice([&](Device &device) -> CUresult {
    if (node->work.kind != Work::kernel)
      return CUDA_ERROR_INVALID_VALUE;
    const Launch &launch = node->work.launch;
    *parameters = {};
    for (CUmod_st &module : device.modules)
      for (CUfunc_st &function : module.functions)
        if (function.kernel == launch.kernel)
          parameters->func = &function;
    parameters->gridDimX = launch.grid[0], parameters->gridDimY = launch.grid[1], parameters->gridDimZ = launch.grid[2];
    parameters->blockDimX = launch.block[0], parameters->blockDimY = launch.block[1],
    parameters->blockDimZ = launch.block[2];
    parameters->sharedMemBytes = launch.dynamicShared;
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph graph, unsigned long long) {
  return onDevice([&](Device &device) -> CUresult {
    if (!oneOf(device.graphs, graph))
      return CUDA_ERROR_INVALID_VALUE;
    device.execs.emplace_back();
    CUgraphExec_st &made = device.execs.back();
    for (auto &node : graph->nodes) {
      made.places[node.get()] = made.works.size();
      made.works.push_back(node->work);
    }
    *exec = &made;
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphLaunch(CUgraphExec exec, CUstream handle) {
  return onStream(handle, [&](Device &device, CUstream_st &stream) -> CUresult {
    if (!oneOf(device.execs, exec))
      return CUDA_ERROR_INVALID_VALUE;
    if (stream.capture)
      return device.refuseInCapture(&stream);
    ++device.totals.graphs;
    for (const Work &work : exec->works)
      device.enqueue(stream, work);
    return CUDA_SUCCESS;
  });
}

CUresult cuGraphExecDestroy(CUgraphExec exec) {
  return onDevice([&](Device &device) { return destroy(device.execs, exec); });
}

CUresult cuGraphDestroy(CUgraph graph) {
  return onDevice([&](Device &device) { return destroy(device.graphs, graph); });
}
