//===- DriverMemory.cpp - Memory of the device and of the host -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Device.h"
#include <cstring>
#include <sys/mman.h>

using namespace ptx;

namespace {

uint64_t addressOf(const void *host) { return reinterpret_cast<uint64_t>(host); }

bool isPinned(Device &device, const void *host, size_t bytes) {
  Allocation *allocation = device.memory.near(addressOf(host));
  return allocation && allocation->isPinned && !allocation->isFreed && allocation->has(addressOf(host), bytes);
}

/// What host calls do with memory that is not theirs is an error of theirs, not a fault.
uint8_t *hostPlace(Device &device, uint64_t address, size_t bytes) {
  uint8_t *place = device.memory.at(address, bytes);
  if (!place)
    driver().fault = "a copy of " + device.memory.wrong(address, bytes);
  return place;
}

enum class Way { up, down, across };

/// Copies between what `to` and `from` name, when the stream comes to it.
CUresult copy(Device &device, CUstream_st &stream, Way way, uint64_t to, uint64_t from, size_t bytes) {
  if (!bytes)
    return CUDA_SUCCESS;
  if ((way != Way::down && !hostPlace(device, to, bytes)) || (way != Way::up && !hostPlace(device, from, bytes)))
    return CUDA_ERROR_INVALID_VALUE;
  Work work;
  work.kind = Work::copy;
  // From pageable memory the driver takes a copy at once.
  std::shared_ptr<std::vector<uint8_t>> staged;
  if (way == Way::up && !stream.capture && !isPinned(device, reinterpret_cast<const void *>(from), bytes)) {
    const uint8_t *bytesFrom = reinterpret_cast<const uint8_t *>(from);
    staged = std::make_shared<std::vector<uint8_t>>(bytesFrom, bytesFrom + bytes);
  }
  work.run = [=](Device &device) {
    void *target = way == Way::down ? reinterpret_cast<void *>(to) : hostPlace(device, to, bytes);
    const void *source = staged           ? staged->data()
                         : way == Way::up ? reinterpret_cast<const void *>(from)
                                          : hostPlace(device, from, bytes);
    if (!target || !source) { // freed in the meantime
      device.error = CUDA_ERROR_ILLEGAL_ADDRESS;
      return;
    }
    memmove(target, source, bytes);
    (way == Way::up ? device.totals.uploaded : device.totals.downloaded) += way == Way::across ? 0 : bytes;
  };
  device.enqueue(stream, std::move(work));
  // To pageable memory it is done when the call returns.
  if (way == Way::down && !stream.capture && !isPinned(device, reinterpret_cast<const void *>(to), bytes))
    device.drain(stream);
  return CUDA_SUCCESS;
}

/// A copy that the host waits for.
CUresult copyNow(Way way, uint64_t to, uint64_t from, size_t bytes) {
  return onDevice([&](Device &device) -> CUresult {
    if (device.isCapturing())
      return device.refuseInCapture();
    CUstream_st &stream = device.streams.front();
    CUresult result = copy(device, stream, way, to, from, bytes);
    device.totals.synchronisations += way == Way::down;
    device.drain(stream);
    return result;
  });
}

CUresult copyLater(Way way, uint64_t to, uint64_t from, size_t bytes, CUstream handle) {
  return onDevice([&](Device &device) -> CUresult {
    CUstream_st *stream = device.streamOf(handle);
    return stream ? copy(device, *stream, way, to, from, bytes) : CUDA_ERROR_INVALID_HANDLE;
  });
}

CUresult set(CUdeviceptr to, uint32_t value, unsigned width, size_t count, CUstream handle) {
  return onDevice([&](Device &device) -> CUresult {
    CUstream_st *stream = device.streamOf(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    if (to % width || (count && !hostPlace(device, to, count * width)))
      return CUDA_ERROR_INVALID_VALUE;
    Work work;
    work.kind = Work::set;
    work.run = [=](Device &device) {
      uint8_t *place = hostPlace(device, to, count * width);
      if (!place)
        device.error = CUDA_ERROR_ILLEGAL_ADDRESS;
      for (size_t i = 0; place && i < count; ++i)
        memcpy(place + i * width, &value, width);
    };
    if (count)
      device.enqueue(*stream, std::move(work));
    return CUDA_SUCCESS;
  });
}

CUresult allocateHost(void **host, size_t bytes) {
  return onDevice([&](Device &device) -> CUresult {
    if (!bytes)
      return CUDA_ERROR_INVALID_VALUE;
    void *place = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED)
      return CUDA_ERROR_OUT_OF_MEMORY;
    device.memory.pin(place, bytes, /*isOwned=*/true);
    *host = place;
    return CUDA_SUCCESS;
  });
}

} // namespace

CUresult cuMemGetInfo_v2(size_t *available, size_t *total) {
  return onDevice([&](Device &device) {
    *available = device.memory.capacity - device.memory.used;
    *total = device.memory.capacity;
    return CUDA_SUCCESS;
  });
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
  return onDevice([&](Device &device) {
    if (!bytes)
      return CUDA_ERROR_INVALID_VALUE;
    *address = device.memory.allocate(bytes);
    return *address ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
  });
}

CUresult cuMemFree_v2(CUdeviceptr address) {
  return onDevice([&](Device &device) -> CUresult {
    if (device.isCapturing())
      return device.refuseInCapture();
    device.drainAll();
    return !address || device.memory.release(address, /*isPinned=*/false) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuMemHostAlloc(void **host, size_t bytes, unsigned) { return allocateHost(host, bytes); }
CUresult cuMemAllocHost_v2(void **host, size_t bytes) { return allocateHost(host, bytes); }

CUresult cuMemFreeHost(void *host) {
  return onDevice([&](Device &device) {
    device.drainAll();
    Allocation *allocation = device.memory.near(addressOf(host));
    if (!allocation || !allocation->isOwned || !device.memory.release(addressOf(host), /*isPinned=*/true))
      return CUDA_ERROR_INVALID_VALUE;
    return CUDA_SUCCESS;
  });
}

CUresult cuMemHostRegister_v2(void *host, size_t bytes, unsigned) {
  return onDevice([&](Device &device) {
    if (!host || !bytes)
      return CUDA_ERROR_INVALID_VALUE;
    return device.memory.pin(host, bytes, /*isOwned=*/false) ? CUDA_SUCCESS : CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED;
  });
}

CUresult cuMemHostUnregister(void *host) {
  return onDevice([&](Device &device) {
    device.drainAll();
    return device.memory.release(addressOf(host), /*isPinned=*/true) ? CUDA_SUCCESS
                                                                     : CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED;
  });
}

CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *address, void *host, unsigned) {
  return onDevice([&](Device &device) {
    *address = addressOf(host);
    return isPinned(device, host, 1) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t bytes) {
  return copyNow(Way::up, to, addressOf(from), bytes);
}
CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t bytes) {
  return copyNow(Way::down, addressOf(to), from, bytes);
}
CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
  return copyLater(Way::across, to, from, bytes, nullptr);
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
  return copyLater(Way::up, to, addressOf(from), bytes, stream);
}
CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return copyLater(Way::down, addressOf(to), from, bytes, stream);
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return copyLater(Way::across, to, from, bytes, stream);
}
CUresult cuMemsetD8_v2(CUdeviceptr to, unsigned char value, size_t count) { return set(to, value, 1, count, nullptr); }
CUresult cuMemsetD32_v2(CUdeviceptr to, unsigned value, size_t count) { return set(to, value, 4, count, nullptr); }
CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream) {
  return set(to, value, 1, count, stream);
}
CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream stream) {
  return set(to, value, 4, count, stream);
}
