//===- DriverDevice.cpp - Devices, contexts, errors ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Device.h"
#include <algorithm>
#include <cstdio>

using namespace ptx;

namespace {

struct ErrorRow {
  CUresult code;
  const char *name, *text;
};
#define ROW(name, text) {name, #name, text}
constexpr ErrorRow errors[] = {
    ROW(CUDA_SUCCESS, "no error"),
    ROW(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
    ROW(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
    ROW(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
    ROW(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
    ROW(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
    ROW(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
    ROW(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
    ROW(CUDA_ERROR_INVALID_PTX, "a PTX JIT compilation failed"),
    ROW(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "the provided PTX was compiled with an unsupported toolchain."),
    ROW(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
    ROW(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
    ROW(CUDA_ERROR_NOT_READY, "device not ready"),
    ROW(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
    ROW(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
    ROW(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "part or all of the requested memory range is already mapped"),
    ROW(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "pointer does not correspond to a registered memory region"),
    ROW(CUDA_ERROR_ILLEGAL_INSTRUCTION, "an illegal instruction was encountered"),
    ROW(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned address"),
    ROW(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
    ROW(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, "too many blocks in cooperative launch"),
    ROW(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"),
    ROW(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "operation failed due to a previous error during capture"),
    ROW(CUDA_ERROR_UNKNOWN, "unknown error")};
#undef ROW

const ErrorRow *rowOf(CUresult error) {
  for (const ErrorRow &row : errors)
    if (row.code == error)
      return &row;
  return nullptr;
}

/// Runs `body` where no context is needed.
template <class Body> CUresult ready(Body &&body) {
  std::lock_guard<std::recursive_mutex> lock(driver().mutex);
  return driver().isReady ? body() : CUDA_ERROR_NOT_INITIALIZED;
}

template <class Body> CUresult ofDevice(CUdevice ordinal, Body &&body) {
  return ready([&] {
    return ordinal < 0 || unsigned(ordinal) >= driver().settings.devices ? CUDA_ERROR_INVALID_DEVICE : body();
  });
}

int attributeOf(const Settings &settings, int attribute, bool &isKnown) {
  const Limits &limits = limitsOf(settings.capability);
  const std::pair<int, int> rows[] = {{1, 1024},
                                      {2, 1024},
                                      {3, 1024},
                                      {4, 64},
                                      {5, INT32_MAX},
                                      {6, 65535},
                                      {7, 65535},
                                      {8, 49152},
                                      {9, 65536},
                                      {10, 32},
                                      {11, INT32_MAX},
                                      {12, 65536},
                                      {13, 1500000},
                                      {14, 512},
                                      {15, 1},
                                      {16, int(settings.multiprocessors)},
                                      {17, 0},
                                      {18, 0},
                                      {19, 1},
                                      {20, 0},
                                      {31, 1},
                                      {32, 0},
                                      {33, 1},
                                      {34, 0},
                                      {35, 0},
                                      {36, 5000000},
                                      {37, 384},
                                      {38, 4 << 20},
                                      {39, int(limits.threadsPerProcessor)},
                                      {40, 1},
                                      {41, 1},
                                      {50, 0},
                                      {75, int(settings.capability / 10)},
                                      {76, int(settings.capability % 10)},
                                      {81, int(limits.sharedPerProcessor)},
                                      {82, 65536},
                                      {83, 0},
                                      {95, 1},
                                      {97, int(limits.sharedPerBlock)},
                                      {106, int(limits.blocksPerProcessor)},
                                      {111, settings.capability >= 80 ? 1024 : 0},
                                      {115, 0}};
  for (auto [known, value] : rows)
    if (known == attribute)
      return value;
  isKnown = false;
  return 0;
}

} // namespace

CUresult cuInit(unsigned flags) {
  Driver &its = driver();
  std::lock_guard<std::recursive_mutex> lock(its.mutex);
  std::string error;
  Settings settings;
  if (!readSettings(settings, error)) {
    fprintf(stderr, "cuda emulator: %s\n", error.c_str());
    return CUDA_ERROR_UNKNOWN;
  }
  if (flags)
    return CUDA_ERROR_INVALID_VALUE;
  // Contexts that are there keep what they began with.
  its.settings = settings;
  its.devices.resize(std::max<size_t>(settings.devices, its.devices.size()));
  its.isReady = settings.devices != 0;
  return its.isReady ? CUDA_SUCCESS : CUDA_ERROR_NO_DEVICE;
}

CUresult cuDriverGetVersion(int *version) {
  std::lock_guard<std::recursive_mutex> lock(driver().mutex);
  Settings settings;
  std::string error;
  readSettings(settings, error);
  *version = driver().isReady ? driver().settings.driver : settings.driver;
  return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult error, const char **text) {
  const ErrorRow *row = rowOf(error);
  *text = row ? row->name : nullptr;
  return row ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **text) {
  const ErrorRow *row = rowOf(error);
  *text = row ? row->text : nullptr;
  return row ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuDeviceGetCount(int *count) {
  return ready([&] {
    *count = driver().settings.devices;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  return ofDevice(ordinal, [&] {
    *device = ordinal;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  return ofDevice(device, [&] {
    snprintf(name, length, "PTX emulator sm_%u", driver().settings.capability);
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device) {
  return ofDevice(device, [&] {
    *uuid = CUuuid{{'p', 't', 'x', ' ', 'e', 'm', 'u', 'l', 'a', 't', 'o', 'r', 0, 0, 0, char(device)}};
    return CUDA_SUCCESS;
  });
}
CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) { return cuDeviceGetUuid(uuid, device); }

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  return ofDevice(device, [&] {
    *bytes = driver().settings.memory;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetAttribute(int *value, int attribute, CUdevice device) {
  return ofDevice(device, [&] {
    bool isKnown = true;
    *value = attributeOf(driver().settings, attribute, isKnown);
    return isKnown ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice ordinal) {
  return ofDevice(ordinal, [&] {
    std::unique_ptr<Device> &device = driver().devices[ordinal];
    if (!device)
      device = std::make_unique<Device>(ordinal, driver().settings);
    ++device->retained;
    *context = reinterpret_cast<CUcontext>(device.get());
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice ordinal) {
  return ofDevice(ordinal, [&] {
    std::unique_ptr<Device> &device = driver().devices[ordinal];
    if (!device)
      return CUDA_ERROR_INVALID_CONTEXT;
    if (--device->retained == 0)
      device.reset();
    return CUDA_SUCCESS;
  });
}

CUresult cuDevicePrimaryCtxReset_v2(CUdevice ordinal) {
  return ofDevice(ordinal, [&] {
    driver().devices[ordinal].reset();
    driver().fault.clear();
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxSetCurrent(CUcontext context) {
  return ready([&] {
    currentDevice = reinterpret_cast<Device *>(context);
    return !context || driver().current() ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
  });
}

CUresult cuCtxGetCurrent(CUcontext *context) {
  return ready([&] {
    *context = reinterpret_cast<CUcontext>(driver().current());
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetDevice(CUdevice *ordinal) {
  return ready([&] {
    Device *device = driver().current();
    *ordinal = device ? device->ordinal : 0;
    return device ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
  });
}

CUresult cuCtxSynchronize(void) {
  return onDevice([](Device &device) -> CUresult {
    if (device.isCapturing())
      return device.refuseInCapture();
    ++device.totals.synchronisations;
    device.drainAll();
    return CUDA_SUCCESS;
  });
}

const char *phicCudaFault(void) {
  std::lock_guard<std::recursive_mutex> lock(driver().mutex);
  return driver().fault.c_str();
}
