//===- CudaCode.cpp - A variant that is loaded on a GPU ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/devices/cuda/CudaCode.h"

#include "runtime/Inflate.h"
#include "runtime/Os.h"
#include "runtime/devices/cuda/CudaMachine.h"
#include "runtime/devices/cuda/CudaMemory.h"
#include "runtime/devices/cuda/CudaUpload.h"
#include "runtime/devices/cuda/JitCache.h"

#include <string.h>

namespace phi::cuda {
namespace {

/// Compiling the kernels is told of when it took longer, in seconds.
constexpr double kLongJit = 2;

/// What lies at an offset of the code, which isWhole has looked at.
template <typename T> const T *at(const phi_gpu_code &gpu, uint64_t offset) {
  return reinterpret_cast<const T *>(reinterpret_cast<const uint8_t *>(&gpu) + offset);
}

bool lies(uint64_t offset, uint64_t count, uint64_t each, uint64_t bytes) {
  return offset <= bytes && count <= (bytes - offset) / each;
}

/// Whether the code's tables and texts are within it, and what they say is what this runtime knows.
bool isWhole(const phi_variant &variant) {
  const phi_gpu_code &gpu = gpuCode(variant);
  const uint64_t bytes = variant.blob_bytes;
  if (!variant.entries || bytes < sizeof(gpu) || gpu.magic != PHI_GPU_MAGIC || gpu.bytes != bytes ||
      !lies(gpu.text, gpu.packed_bytes, 1, bytes) ||
      !lies(gpu.kernels, gpu.kernel_count, sizeof(phi_gpu_kernel), bytes) ||
      !lies(gpu.arguments, gpu.argument_count, sizeof(phi_gpu_argument), bytes))
    return false;
  for (uint32_t i = 0; i < gpu.kernel_count; ++i) {
    const phi_gpu_kernel &kernel = at<phi_gpu_kernel>(gpu, gpu.kernels)[i];
    if (kernel.symbol >= bytes || !memchr(at<char>(gpu, kernel.symbol), 0, bytes - kernel.symbol) ||
        kernel.argument_count > kMostArguments)
      return false;
  }
  return true;
}

/// The struct that a variant's code is kept in; nullptr: no memory.
CudaCode *makeCode(const phi_variant &variant) {
  const phi_gpu_code &gpu = gpuCode(variant);
  const uint64_t bytes = sizeof(CudaCode) + gpu.kernel_count * sizeof(Function);
  auto *code = reinterpret_cast<CudaCode *>(os::reserve(bytes));
  if (!code)
    return nullptr;
  code->bytes = bytes;
  code->gpu = &gpu;
  code->kernels = at<phi_gpu_kernel>(gpu, gpu.kernels);
  code->arguments = at<phi_gpu_argument>(gpu, gpu.arguments);
  code->functions = reinterpret_cast<Function *>(code + 1);
  return code;
}

/// Takes the GPU's context, which all libraries of a process share.
bool takeContext(CudaCode *code, int32_t index, Writer &errors) {
  Driver &driver = code->driver;
  size_t total = 0;
  Result result = driver.deviceGet(&code->device, index);
  if (result == kSuccess) {
    driver.deviceGetName(code->name, sizeof(code->name), code->device);
    driver.deviceTotalMem(&total, code->device);
    code->totalBytes = total;
    result = driver.primaryContextRetain(&code->context, code->device);
  }
  if (result == kSuccess)
    return true;
  code->context = nullptr;
  writeResult(driver, result, errors << code->name << " cannot be used: ");
  return false;
}

bool findFunctions(CudaCode *code, Writer &errors) {
  for (uint32_t i = 0; i < code->gpu->kernel_count; ++i) {
    const char *symbol = at<char>(*code->gpu, code->kernels[i].symbol);
    const Result result = code->driver.moduleGetFunction(&code->functions[i], code->module, symbol);
    if (result == kSuccess)
      continue;
    writeResult(code->driver, result, errors << "this model's code for cuda has no kernel " << symbol << ": ");
    return false;
  }
  return true;
}

/// The kernels' text, which a zero ends, in memory of its own.
class KernelText {
public:
  explicit KernelText(const phi_gpu_code &gpu) : bytes(gpu.text_bytes + 1), text(os::reserve(bytes)) {
    isWhole = text && inflate(at<uint8_t>(gpu, gpu.text), gpu.packed_bytes, text, gpu.text_bytes);
  }
  ~KernelText() {
    if (text)
      os::release(text, bytes);
  }
  KernelText(const KernelText &) = delete;
  bool hasMemory() const { return text; }
  const char *get() const { return isWhole ? reinterpret_cast<const char *>(text) : nullptr; }

private:
  const uint64_t bytes;
  uint8_t *const text;
  bool isWhole;
};

/// The driver compiles the text, or has done so before.
bool compile(CudaCode *code, const Notes &notes, Writer &errors) {
  const KernelText text(*code->gpu);
  if (!text.get()) {
    errors << (text.hasMemory() ? "this model's code for cuda is damaged" : "not enough memory");
    return false;
  }
  char log[2048] = "";
  int names[] = {kErrorLog, kErrorLogBytes};
  void *values[] = {log, reinterpret_cast<void *>(uintptr_t(sizeof(log)))};
  const double begun = os::now();
  const Result result = code->driver.moduleLoad(&code->module, text.get(), 2, names, values);
  const double seconds = os::now() - begun;
  if (result != kSuccess) {
    code->module = nullptr;
    writeResult(code->driver, result, errors << code->name << " does not take this model's code: ");
    const size_t line = strcspn(log, "\r\n"); // the others say that it is an error
    if (line)
      errors << ": " << Text(log, line);
    return false;
  }
  if (seconds > kLongJit)
    tellOfJit(code->name, seconds, notes);
  return findFunctions(code, errors);
}

bool startDriver(CudaCode *code, Writer &errors) {
  char text[256];
  Writer what(text, sizeof(text));
  if (openDriver(&code->driver, code->gpu->language, what))
    return true;
  errors << "this machine lacks " << text;
  return false;
}

/// Memory for the weights, if there is enough for them and for the session that is to come.
bool bringWeights(CudaCode *cuda, const LoadedCode &code, const uint8_t *weights, const SessionNeed &need,
                  const Notes &notes, Writer &errors) {
  const uint64_t bytes = code.plan().weights_bytes ? code.plan().weights_bytes : 1;
  if (const Shortage shortage = findShortage(code, bytes, need)) {
    writeShortage(*cuda, shortage, errors);
    return false;
  }
  Result result = cuda->driver.memAlloc(&cuda->weights, bytes);
  if (result != kSuccess)
    cuda->weights = 0;
  else
    result = uploadWeights(*cuda, weights, code.plan().weights_bytes, notes);
  if (result == kSuccess)
    return true;
  writeResult(cuda->driver, result, errors << cuda->name << " does not take this model's weights: ");
  return false;
}

/// Gives back what is there of it.
void release(CudaCode *code) {
  if (code->context) {
    {
      Current current(*code);
      if (code->weights)
        code->driver.memFree(code->weights);
      if (code->module)
        code->driver.moduleUnload(code->module);
    }
    code->driver.primaryContextRelease(code->device);
  }
  os::release(reinterpret_cast<const uint8_t *>(code), code->bytes);
}

} // namespace

bool loadCode(LoadedCode *code, const uint8_t *weights, const SessionNeed &need, const Notes &notes, Writer &errors) {
  CudaCode *cuda = isWhole(*code->variant) ? makeCode(*code->variant) : nullptr;
  if (!cuda) {
    errors << (isWhole(*code->variant) ? "not enough memory" : "this model's code for cuda is damaged");
    return false;
  }
  code->state = cuda;
  bool isLoaded = startDriver(cuda, errors) && takeContext(cuda, code->index, errors);
  if (isLoaded) {
    Current current(*cuda);
    isLoaded = compile(cuda, notes, errors) && bringWeights(cuda, *code, weights, need, notes, errors);
  }
  if (!isLoaded) {
    release(cuda);
    code->state = nullptr;
    return false;
  }
  code->weights = reinterpret_cast<const uint8_t *>(cuda->weights);
  return true;
}

void unloadCode(LoadedCode *code) {
  release(&codeOf(*code));
  code->weights = nullptr;
  code->state = nullptr;
}

} // namespace phi::cuda
