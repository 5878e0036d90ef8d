//===- DriverModule.cpp - Modules, functions, launches -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Device.h"
#include <algorithm>
#include <cstring>
#include <thread>

using namespace ptx;

namespace {

/// What the options of a load name: the buffer for errors, and places for results.
struct JitOptions {
  char *errorLog = nullptr, *infoLog = nullptr;
  size_t errorBytes = 0, infoBytes = 0;
  float *wallTime = nullptr;
  void **errorSize = nullptr, **infoSize = nullptr;
};

JitOptions readOptions(unsigned count, const int *options, void **values) {
  JitOptions result;
  for (unsigned i = 0; i < count; ++i)
    switch (options[i]) {
    case 2:
      result.wallTime = reinterpret_cast<float *>(&values[i]);
      break;
    case 3:
      result.infoLog = static_cast<char *>(values[i]);
      break;
    case 4:
      result.infoBytes = unsigned(reinterpret_cast<uintptr_t>(values[i]));
      result.infoSize = &values[i];
      break;
    case 5:
      result.errorLog = static_cast<char *>(values[i]);
      break;
    case 6:
      result.errorBytes = unsigned(reinterpret_cast<uintptr_t>(values[i]));
      result.errorSize = &values[i];
      break;
    }
  return result;
}

void writeLog(const JitOptions &options, const std::string &text) {
  if (options.infoSize)
    *options.infoSize = nullptr;
  if (options.infoLog && options.infoBytes)
    options.infoLog[0] = 0;
  size_t length = options.errorBytes ? std::min(text.size(), options.errorBytes - 1) : 0;
  if (options.errorLog && options.errorBytes) {
    memcpy(options.errorLog, text.data(), length);
    options.errorLog[length] = 0;
  }
  if (options.errorSize)
    *options.errorSize = reinterpret_cast<void *>(length);
}

struct Placing {
  Device *device;
  CUmod_st *module;
};

uint64_t placeVariable(void *context, Variable &variable) {
  auto *placing = static_cast<Placing *>(context);
  uint64_t bytes = std::max<uint64_t>(variable.bytes, 1);
  uint64_t address = placing->device->memory.allocate(bytes + variable.align);
  if (!address)
    throw std::bad_alloc();
  placing->module->allocations.push_back(address);
  // The allocation ends with the variable, so that what leaves it is found; it begins where the alignment has it.
  Allocation &allocation = *placing->device->memory.near(address);
  uint64_t aligned = (address + variable.align - 1) / variable.align * variable.align;
  allocation.bytes = aligned - address + variable.bytes;
  allocation.isConstant = variable.space == Space::constant;
  memset(allocation.host, 0, allocation.bytes);
  std::copy(variable.initial.begin(), variable.initial.end(), allocation.host + (aligned - address));
  return aligned;
}

void unload(Device &device, CUmod_st &module) {
  for (uint64_t address : module.allocations)
    device.memory.release(address, /*isPinned=*/false);
}

/// What a driver says of PTX that it would not take.
std::string refusedBy(const Settings &settings, const Module &module) {
  if (module.isExact ? module.target != settings.capability : module.target > settings.capability)
    return "is for sm_" + std::to_string(module.target) + (module.isExact ? "a" : "") + ", and the device is sm_" +
           std::to_string(settings.capability);
  return "";
}

/// The version of the text, before anything else is read; 0: none is found.
unsigned versionOf(const std::string &text) {
  size_t at = text.find(".version");
  unsigned major = 0, minor = 0;
  return at != std::string::npos && sscanf(text.c_str() + at, ".version %u.%u", &major, &minor) == 2
             ? 10 * major + minor
             : 0;
}

CUresult load(Device &device, CUmod_st &module, const std::string &text, const JitOptions &options) {
  if (unsigned version = versionOf(text); version > newestPtx(device.settings.driver)) {
    writeLog(options, "the driver takes PTX up to " + std::to_string(newestPtx(device.settings.driver) / 10) + "." +
                          std::to_string(newestPtx(device.settings.driver) % 10));
    return CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
  }
  Placing placing{&device, &module};
  try {
    module.module = parseModule(text, placeVariable, &placing);
    std::string refusal = refusedBy(device.settings, *module.module);
    writeLog(options, refusal);
    return refusal.empty() ? CUDA_SUCCESS : CUDA_ERROR_INVALID_PTX;
  } catch (const Refusal &refusal) {
    driver().fault = "line " + std::to_string(refusal.line) + ": " + refusal.what();
    writeLog(options, driver().fault);
    return CUDA_ERROR_INVALID_PTX;
  } catch (const std::bad_alloc &) {
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
}

CUfunc_st *functionOf(Device &device, CUfunction handle) {
  for (CUmod_st &module : device.modules)
    for (CUfunc_st &function : module.functions)
      if (&function == handle)
        return &function;
  return nullptr;
}

CUmod_st *moduleOf(Device &device, CUmodule handle) {
  for (CUmod_st &module : device.modules)
    if (&module == handle)
      return &module;
  return nullptr;
}

/// The values of the parameters, as the kernel's declaration lays them out.
bool gatherParameters(const Kernel &kernel, void **parameters, void **extra, std::vector<uint8_t> &bytes) {
  bytes.assign(kernel.parameterBytes, 0);
  if (extra) {
    const void *buffer = nullptr;
    size_t size = 0;
    for (; *extra; extra += 2)
      if (reinterpret_cast<uintptr_t>(*extra) == 1)
        buffer = extra[1];
      else
        size = *static_cast<size_t *>(extra[1]);
    if (!buffer || size < bytes.size())
      return false;
    memcpy(bytes.data(), buffer, bytes.size());
    return true;
  }
  for (size_t i = 0; i < kernel.parameters.size(); ++i) {
    if (!parameters || !parameters[i])
      return false;
    memcpy(bytes.data() + kernel.parameters[i].offset, parameters[i], kernel.parameters[i].bytes);
  }
  return true;
}

/// Whether the hardware would take a launch.
CUresult checkLaunch(const Device &device, const CUfunc_st &function, const Launch &launch) {
  const uint64_t mostGrid[3] = {INT32_MAX, 65535, 65535}, mostBlock[3] = {1024, 1024, 64};
  uint64_t threads = 1, ctas = 1;
  const Kernel &kernel = *function.kernel;
  for (int i = 0; i < 3; ++i) {
    threads *= launch.block[i], ctas *= launch.grid[i];
    if (!launch.grid[i] || launch.grid[i] > mostGrid[i] || !launch.block[i] || launch.block[i] > mostBlock[i] ||
        (kernel.required[0] && kernel.required[i] != launch.block[i]))
      return CUDA_ERROR_INVALID_VALUE;
  }
  if (threads > 1024 || (kernel.maxThreads && threads > kernel.maxThreads) ||
      launch.dynamicShared > function.mostDynamicShared)
    return CUDA_ERROR_INVALID_VALUE;
  if (launch.dynamicShared + kernel.sharedBytes > limitsOf(device.settings.capability).sharedPerBlock)
    return CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES;
  uint64_t most =
      uint64_t(device.settings.multiprocessors) * occupancy(device.settings, kernel, threads, launch.dynamicShared);
  return launch.isCooperative && ctas > most ? CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE : CUDA_SUCCESS;
}

CUresult makeLaunch(Device &device, const CUlaunchConfig &config, CUfunction handle, void **parameters, void **extra,
                    Launch &launch) {
  CUfunc_st *function = functionOf(device, handle);
  if (!function)
    return CUDA_ERROR_INVALID_HANDLE;
  launch.kernel = function->kernel;
  const unsigned grid[] = {config.gridDimX, config.gridDimY, config.gridDimZ},
                 block[] = {config.blockDimX, config.blockDimY, config.blockDimZ};
  std::copy_n(grid, 3, launch.grid), std::copy_n(block, 3, launch.block);
  launch.dynamicShared = config.sharedMemBytes;
  launch.multiprocessors = device.settings.multiprocessors;
  launch.resident = device.settings.resident;
  launch.seed = device.settings.seed;
  launch.mostInstructions = device.settings.mostInstructions;
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const CUlaunchAttribute &attribute = config.attrs[i];
    if (attribute.id == 2)
      launch.isCooperative = attribute.value.cooperative;
    else if (attribute.id == 6)
      launch.isOverlapped = attribute.value.programmaticStreamSerializationAllowed;
    else if (attribute.id == 4) // clusters are not known
      return CUDA_ERROR_INVALID_VALUE;
  }
  if (!gatherParameters(*function->kernel, parameters, extra, launch.parameters))
    return CUDA_ERROR_INVALID_VALUE;
  return checkLaunch(device, *function, launch);
}

int attributeOf(const Device &device, const CUfunc_st &function, int attribute, bool &isKnown) {
  const Kernel &kernel = *function.kernel;
  switch (attribute) {
  case 0:
    return kernel.maxThreads ? kernel.maxThreads : 1024;
  case 1:
    return kernel.sharedBytes;
  case 2:
    return 0;
  case 3:
    return kernel.localBytes;
  case 4:
    return registersOf(kernel);
  case 5:
    return function.module->module->version;
  case 6:
    return device.settings.capability;
  case 8:
    return function.mostDynamicShared;
  }
  isKnown = false;
  return 0;
}

} // namespace

CUresult cuModuleLoadDataEx(CUmodule *handle, const void *image, unsigned count, int *options, void **values) {
  return onDevice([&](Device &device) -> CUresult {
    auto begin = std::chrono::steady_clock::now();
    const char *text = static_cast<const char *>(image);
    if (!text || !strstr(text, ".version"))
      return CUDA_ERROR_INVALID_IMAGE;
    JitOptions jit = readOptions(count, options, values);
    device.modules.emplace_back();
    CUmod_st &module = device.modules.back();
    std::this_thread::sleep_for(std::chrono::milliseconds(device.settings.jitMilliseconds));
    CUresult result = load(device, module, text, jit);
    float took = std::chrono::duration<float, std::milli>(std::chrono::steady_clock::now() - begin).count();
    device.totals.jitMilliseconds += took;
    if (jit.wallTime)
      *jit.wallTime = took;
    if (result) {
      unload(device, module);
      device.modules.pop_back();
      return result;
    }
    ++device.totals.modules;
    for (auto &[name, kernel] : module.module->kernels)
      module.functions.push_back({&module, kernel.get(), uint32_t(49152 - std::min(49152u, kernel->sharedBytes))});
    *handle = &module;
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleLoadData(CUmodule *module, const void *image) {
  return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr);
}

CUresult cuModuleUnload(CUmodule handle) {
  return onDevice([&](Device &device) -> CUresult {
    CUmod_st *module = moduleOf(device, handle);
    if (!module)
      return CUDA_ERROR_INVALID_HANDLE;
    device.drainAll();
    unload(device, *module);
    device.modules.remove_if([&](const CUmod_st &one) { return &one == module; });
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule handle, const char *name) {
  return onDevice([&](Device &device) -> CUresult {
    CUmod_st *module = moduleOf(device, handle);
    if (!module)
      return CUDA_ERROR_INVALID_HANDLE;
    for (CUfunc_st &one : module->functions)
      if (one.kernel->name == name)
        return *function = &one, CUDA_SUCCESS;
    return CUDA_ERROR_NOT_FOUND;
  });
}

CUresult cuModuleGetGlobal_v2(CUdeviceptr *address, size_t *bytes, CUmodule handle, const char *name) {
  return onDevice([&](Device &device) -> CUresult {
    CUmod_st *module = moduleOf(device, handle);
    if (!module)
      return CUDA_ERROR_INVALID_HANDLE;
    auto found = module->module->variables.find(name);
    if (found == module->module->variables.end() || found->second->space == Space::shared)
      return CUDA_ERROR_NOT_FOUND;
    if (address)
      *address = found->second->address;
    if (bytes)
      *bytes = found->second->bytes;
    return CUDA_SUCCESS;
  });
}

CUresult cuFuncGetAttribute(int *value, int attribute, CUfunction handle) {
  return onDevice([&](Device &device) -> CUresult {
    CUfunc_st *function = functionOf(device, handle);
    if (!function)
      return CUDA_ERROR_INVALID_HANDLE;
    bool isKnown = true;
    *value = attributeOf(device, *function, attribute, isKnown);
    return isKnown ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuFuncSetAttribute(CUfunction handle, int attribute, int value) {
  return onDevice([&](Device &device) -> CUresult {
    CUfunc_st *function = functionOf(device, handle);
    if (!function)
      return CUDA_ERROR_INVALID_HANDLE;
    if (attribute == 9) // what part of the cache is shared memory: a hint
      return CUDA_SUCCESS;
    if (attribute != 8 || value < 0 ||
        value + function->kernel->sharedBytes > limitsOf(device.settings.capability).sharedPerBlock)
      return CUDA_ERROR_INVALID_VALUE;
    function->mostDynamicShared = value;
    return CUDA_SUCCESS;
  });
}

CUresult cuFuncSetCacheConfig(CUfunction handle, int) {
  return onDevice(
      [&](Device &device) { return functionOf(device, handle) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE; });
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *count, CUfunction handle, int threads, size_t dynamicShared) {
  return onDevice([&](Device &device) -> CUresult {
    CUfunc_st *function = functionOf(device, handle);
    if (!function || threads < 1 || threads > 1024)
      return function ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_INVALID_HANDLE;
    *count = occupancy(device.settings, *function->kernel, threads, dynamicShared);
    return CUDA_SUCCESS;
  });
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *config, CUfunction function, void **parameters, void **extra) {
  return onDevice([&](Device &device) -> CUresult {
    CUstream_st *stream = device.streamOf(config->hStream);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    Work work;
    work.kind = Work::kernel;
    CUresult result = makeLaunch(device, *config, function, parameters, extra, work.launch);
    if (!result)
      device.enqueue(*stream, std::move(work));
    return result;
  });
}

CUresult cuLaunchKernel(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                        unsigned blockY, unsigned blockZ, unsigned dynamicShared, CUstream stream, void **parameters,
                        void **extra) {
  CUlaunchConfig config{gridX, gridY, gridZ, blockX, blockY, blockZ, dynamicShared, stream, nullptr, 0};
  return cuLaunchKernelEx(&config, function, parameters, extra);
}

CUresult cuLaunchCooperativeKernel(CUfunction function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX,
                                   unsigned blockY, unsigned blockZ, unsigned dynamicShared, CUstream stream,
                                   void **parameters) {
  CUlaunchAttribute attribute = {};
  attribute.id = 2;
  attribute.value.cooperative = 1;
  CUlaunchConfig config{gridX, gridY, gridZ, blockX, blockY, blockZ, dynamicShared, stream, &attribute, 1};
  return cuLaunchKernelEx(&config, function, parameters, nullptr);
}

CUresult cuGraphExecKernelNodeSetParams_v2(CUgraphExec exec, CUgraphNode node,
                                           const CUDA_KERNEL_NODE_PARAMS *parameters) {
  return onDevice([&](Device &device) -> CUresult {
    auto place = exec->places.find(node);
    if (place == exec->places.end() || node->work.kind != Work::kernel)
      return CUDA_ERROR_INVALID_VALUE;
    const CUDA_KERNEL_NODE_PARAMS &its = *parameters;
    CUlaunchConfig config{its.gridDimX,  its.gridDimY,       its.gridDimZ, its.blockDimX, its.blockDimY,
                          its.blockDimZ, its.sharedMemBytes, nullptr,      nullptr,       0};
    Launch launch;
    CUresult result = makeLaunch(device, config, its.func, its.kernelParams, its.extra, launch);
    if (!result)
      exec->works[place->second].launch = launch;
    return result;
  });
}
