//===- CudaStages.h - A module's kernels on the stand-in driver -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches what an entry point would. What the driver refuses ends the test.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_CUDA_CUDASTAGES_H
#define PHIC_TEST_TARGETS_CUDA_CUDASTAGES_H

#include "targets/gpu/GpuCode.h"
#include "test/emulators/cuda/Driver.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace phic {

/// A vector of the host's, and its copy on the device.
class DeviceBytes {
public:
  DeviceBytes() = default;
  ~DeviceBytes();
  DeviceBytes(const DeviceBytes &) = delete;
  void upload(llvm::ArrayRef<uint8_t> bytes);
  void download(llvm::MutableArrayRef<uint8_t> bytes);
  CUdeviceptr at(uint64_t offset) const { return address + offset; }

private:
  CUdeviceptr address = 0;
  size_t size = 0;
};

template <typename T> llvm::ArrayRef<uint8_t> bytesOf(llvm::ArrayRef<T> values) {
  return {reinterpret_cast<const uint8_t *>(values.data()), values.size() * sizeof(T)};
}

/// Of a module that has been through `target`.
class CudaStages {
public:
  CudaStages(mlir::ModuleOp module, const std::string &ptx);
  ~CudaStages();
  CudaStages(const CudaStages &) = delete;

  /// Runs a stage's kernel for an entry point on so many rows, and waits for it.
  void launch(plan::StageOp stage, llvm::StringRef entry, int64_t rows, CUdeviceptr frame,
              llvm::function_ref<CUdeviceptr(const StageArgument &)> addressOf);

  const llvm::SmallVector<plan::StageOp> stages;

private:
  mlir::ModuleOp module;
  CUmodule loaded = nullptr;
  DeviceBytes workspace;
};

} // namespace phic

#endif // PHIC_TEST_TARGETS_CUDA_CUDASTAGES_H
