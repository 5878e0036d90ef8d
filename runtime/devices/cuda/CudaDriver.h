//===- CudaDriver.h - The CUDA driver, where there is one ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// libcuda.so.1 comes with NVIDIA's driver, and is looked for when a program runs. What is used of it is declared here,
// from its documentation.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_DEVICES_CUDA_CUDADRIVER_H
#define PHI_RUNTIME_DEVICES_CUDA_CUDADRIVER_H

#include "runtime/Writer.h"

namespace phi::cuda {

using Result = int;
using Address = unsigned long long; ///< in a device's memory
using Context = struct ContextOfDriver *;
using Module = struct ModuleOfDriver *;
using Function = struct FunctionOfDriver *;
using Stream = struct StreamOfDriver *;
using Event = struct EventOfDriver *;
using Graph = struct GraphOfDriver *;
using GraphExec = struct GraphExecOfDriver *;

constexpr Result kSuccess = 0, kNoDevice = 100;
constexpr int kCapabilityMajor = 75, kCapabilityMinor = 76; ///< deviceGetAttribute
constexpr int kErrorLog = 5, kErrorLogBytes = 6;            ///< moduleLoad
constexpr unsigned kPortable = 1;    ///< memHostAlloc: pinned for every context
constexpr unsigned kNonBlocking = 1; ///< streamCreate: apart from the stream that other libraries use
constexpr unsigned kUntimed = 2;     ///< eventCreate

struct Driver {
#define PHI_CUDA_FUNCTION(name, symbol, parameters) Result(*name) parameters;
#define PHI_CUDA_RENAMED(name, symbol, older, parameters) Result(*name) parameters;
#define PHI_CUDA_OPTIONAL(name, symbol, parameters) Result(*name) parameters; ///< nullptr: it is not there
#include "runtime/devices/cuda/CudaDriver.def"
};

/// Finds the driver and starts it. False after a few words to `what` about what is lacking: a driver, a newer one, a GPU.
/// `language` is the version of PTX that it must take, 70 for 7.0; 0: any.
bool openDriver(Driver *driver, uint32_t language, Writer &what);

/// In the driver's words: "out of memory (CUDA_ERROR_OUT_OF_MEMORY)".
void writeResult(const Driver &driver, Result result, Writer &out);

/// The oldest version of CUDA whose drivers take this version of PTX, 11000 for 11.0.
int leastCuda(uint32_t language);

} // namespace phi::cuda

#endif // PHI_RUNTIME_DEVICES_CUDA_CUDADRIVER_H
