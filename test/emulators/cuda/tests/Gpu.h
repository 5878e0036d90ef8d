//===- Gpu.h - What tests do with a device -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A context, modules, buffers, launches through the driver's interface alone: the tests run on the emulator and on hardware.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_TESTS_GPU_H
#define PHIC_TEST_EMULATORS_CUDA_TESTS_GPU_H

#include "test/emulators/cuda/Driver.h"
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

// Hardware's library has none.
#pragma weak phicCudaFault

namespace gpu {

inline std::string textOf(const std::string &path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// A file of this folder, or of the one that PHIC_CUDA_TESTS names, with a slash: on other machines than the one of the build.
inline std::string pathOf(const std::string &name) {
  const char *folder = std::getenv("PHIC_CUDA_TESTS");
  return (folder ? folder : PHIC_TEST_DIR "/emulators/cuda/tests/") + name;
}

/// A fresh context on the first device, with `settings` in the environment (PHIC_CUDA_ and each name).
class Gpu {
public:
  explicit Gpu(std::vector<std::pair<std::string, std::string>> settings = {}) : settings(std::move(settings)) {
    for (auto &[name, value] : this->settings)
      setenv(("PHIC_CUDA_" + name).c_str(), value.c_str(), 1);
    if ((error = cuInit(0)))
      return;
    cuDevicePrimaryCtxReset_v2(0);
    if (!(error = cuDevicePrimaryCtxRetain(&context, 0)))
      error = cuCtxSetCurrent(context);
  }
  ~Gpu() {
    if (context)
      cuDevicePrimaryCtxReset_v2(0);
    for (auto &[name, value] : settings)
      unsetenv(("PHIC_CUDA_" + name).c_str());
  }

  /// Null, with `log`, if the text is not taken.
  CUmodule load(const std::string &text) {
    char buffer[1024] = "";
    int options[] = {5, 6}; // the errors' buffer, and its size
    void *values[] = {buffer, reinterpret_cast<void *>(sizeof buffer)};
    CUmodule module = nullptr;
    error = cuModuleLoadDataEx(&module, text.c_str(), 2, options, values);
    log = buffer;
    return error ? nullptr : module;
  }

  template <class T> CUdeviceptr upload(const std::vector<T> &values) {
    CUdeviceptr address = allocate(values.size() * sizeof(T));
    cuMemcpyHtoD_v2(address, values.data(), values.size() * sizeof(T));
    return address;
  }
  CUdeviceptr allocate(size_t bytes) {
    CUdeviceptr address = 0;
    cuMemAlloc_v2(&address, bytes);
    return address;
  }
  template <class T> std::vector<T> download(CUdeviceptr from, size_t count) {
    std::vector<T> values(count);
    cuMemcpyDtoH_v2(values.data(), from, count * sizeof(T));
    return values;
  }

  struct Shape {
    unsigned ctas = 1, threads = 32, dynamicShared = 0;
  };
  /// Launches a kernel whose parameters are all of 64 bits, and waits.
  CUresult run(CUmodule module, const char *name, Shape shape, std::vector<uint64_t> parameters) {
    CUfunction function = nullptr;
    if (CUresult missing = cuModuleGetFunction(&function, module, name))
      return missing;
    std::vector<void *> places;
    for (uint64_t &parameter : parameters)
      places.push_back(&parameter);
    CUresult result = cuLaunchKernel(function, shape.ctas, 1, 1, shape.threads, 1, 1, shape.dynamicShared, nullptr,
                                     places.data(), nullptr);
    return result ? result : cuCtxSynchronize();
  }
  std::string fault() const { return phicCudaFault ? phicCudaFault() : ""; }

  CUresult error = 0;
  std::string log;

private:
  CUcontext context = nullptr;
  std::vector<std::pair<std::string, std::string>> settings;
};

} // namespace gpu

#endif
