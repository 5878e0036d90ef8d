//===- CudaMachine.cpp - The GPUs of this machine ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/devices/cuda/CudaMachine.h"

#include "runtime/devices/cuda/CudaDriver.h"

namespace phi::cuda {
namespace {

/// The compute capability, 80 for 8.0.
uint32_t capabilityOf(const Driver &driver, int device) {
  int major = 0, minor = 0;
  driver.deviceGetAttribute(&major, kCapabilityMajor, device);
  driver.deviceGetAttribute(&minor, kCapabilityMinor, device);
  return uint32_t(major * 10 + minor);
}

void writeCapability(uint32_t capability, Writer &out) { out << capability / 10 << '.' << capability % 10; }

} // namespace

const phi_gpu_code &gpuCode(const phi_variant &variant) {
  return *reinterpret_cast<const phi_gpu_code *>(variant.blob);
}

int32_t countGpus() {
  Driver driver;
  Writer unheard(nullptr, 0);
  int count = 0;
  if (openDriver(&driver, /*language=*/0, unheard))
    driver.deviceGetCount(&count);
  return count;
}

void describeGpu(int32_t index, Writer &out) {
  Driver driver;
  Writer unheard(nullptr, 0);
  int device = 0;
  if (!openDriver(&driver, /*language=*/0, unheard) || driver.deviceGet(&device, index) != kSuccess)
    return;
  char name[128] = "";
  size_t bytes = 0;
  driver.deviceGetName(name, sizeof(name), device);
  driver.deviceTotalMem(&bytes, device);
  writeBytes(bytes, out << name << ", ");
}

bool lacksFor(const phi_variant &variant, int32_t index, Writer &what) {
  const phi_gpu_code &code = gpuCode(variant);
  Driver driver;
  if (!openDriver(&driver, code.language, what))
    return true;
  int device = 0;
  if (driver.deviceGet(&device, index) != kSuccess) {
    what << "an NVIDIA GPU of index " << index;
    return true;
  }
  const uint32_t capability = capabilityOf(driver, device);
  if (capability >= code.least)
    return false;
  writeCapability(code.least, what << "compute capability ");
  writeCapability(capability, what << " (its GPU has ");
  what << ')';
  return true;
}

void writeBytes(uint64_t bytes, Writer &out) {
  constexpr uint64_t kMiB = 1 << 20, kGiB = 1 << 30;
  if (bytes >= kGiB)
    out.fixed(double(bytes) / double(kGiB), 1) << " GiB";
  else if (bytes >= kMiB)
    out.fixed(double(bytes) / double(kMiB), 1) << " MiB";
  else
    out.fixed(double(bytes) / 1024, 1) << " KiB";
}

} // namespace phi::cuda
