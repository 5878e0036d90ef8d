//===- CudaBackend.cpp - The backend of NVIDIA's GPUs ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights and caches lie as for processors, so that a program holds them once.
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Pass/PassManager.h"
#include "targets/Backend.h"
#include "targets/code/EntryCode.h"
#include "targets/code/Passes.h"
#include "targets/cuda/CudaLevel.h"
#include "targets/cuda/Passes.h"
#include "targets/cuda/Ptx.h"
#include "targets/cuda/machines/CudaMachines.h"
#include "targets/cuda/machines/GpusHere.h"
#include "targets/gpu/GpuCode.h"
#include "targets/gpu/Kernels.h"
#include "targets/gpu/Passes.h"
#include "targets/layout/Layouts.h"
#include "targets/layout/PanelsDialect.h"
#include "targets/stages/ColumnGroups.h"

using namespace mlir;

namespace phic {

std::span<const CudaLevel> cudaLevels() {
  static constexpr CudaLevel kLevels[] = {
#define PHIC_CUDA_LEVEL(NAME, ISA, CAPABILITY, PTX) {{kCudaFamily, NAME, ISA, CAPABILITY}, CAPABILITY, PTX},
#include "targets/cuda/Levels.def"
  };
  return kLevels;
}

namespace {

class CudaBackend final : public Backend {
public:
  StringRef family() const override { return kCudaFamily; }

  std::vector<const Target *> levels() const override {
    std::vector<const Target *> all;
    for (const CudaLevel &level : cudaLevels())
      all.push_back(&level);
    return all;
  }
  /// Between them they run everywhere.
  std::vector<const Target *> defaultLevels() const override {
    return {levelByName(*this, "sm_80"), levelByName(*this, "sm_75")};
  }
  bool runsOn(const Target &, const System &system) const override { return system.format == ObjectFormat::Elf; }
  bool runsHere(const Target &level) const override { return asCudaLevel(level).capability <= capabilityHere(); }
  bool wantsLoader() const override { return true; }
  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<panels::PanelsDialect, gpu::GPUDialect, NVVM::NVVMDialect>();
  }
  void registerPasses() const override {
    registerPhicCodePasses();
    registerPhicGpuPasses();
    registerPhicCudaPasses();
  }

  plan::WeightLayout weightLayout(const WeightUse &use, std::string *why) const override {
    return panels::weightLayout(use, why);
  }
  plan::CacheLayoutAttr cacheLayout(phiq::CacheOp cache) const override { return panels::cacheLayout(cache); }
  RowLayout rowLayout(ShapedType rows) const override { return panels::rowLayout(rows); }

  std::optional<LackingKernel> lacks(plan::StageOp stage) const override {
    return isGrid(&stage.getBody().front().front()) ? gpu_code::findLackingGrid(stage) : findLacking(stage);
  }

  ArrayRef<ComputeMode> modes() const override {
    static constexpr ComputeMode kModes[] = {ComputeMode::F32, ComputeMode::I8};
    return kModes;
  }
  int64_t chunkRows() const override { return 512; }
  int64_t chunkStep() const override { return 8; }

  MachineRates referenceMachine(const Target &level) const override { return referenceGpu(asCudaLevel(level)); }
  std::vector<KnownMachine> machines() const override { return cudaMachines(); }
  uint64_t workspaceBytes(ModuleOp module) const override { return gpu_code::workspaceBytes(module); }

  void addKernelPasses(OpPassManager &passes, const Target &level, const KernelOptions &) const override {
    passes.addPass(createEmitGpuKernelsPass(
        {std::string(level.name), std::string(level.isa), asCudaLevel(level).hasByteMatrices()}));
  }
  void addTargetPasses(OpPassManager &passes, const Target &level) const override {
    passes.addPass(createEmitLaunchesPass({std::string(kCudaFamily), std::string(level.isa)}));
    passes.addPass(createLowerToNvvmPass());
    passes.addPass(createLowerToLlvmPass());
  }
  llvm::Expected<LevelCode> emitCode(ModuleOp module, const Target &level, const System &system) const override;
  std::string generatorOf(ModuleOp, StringRef) const override { return "mlir"; }
};

llvm::Expected<LevelCode> CudaBackend::emitCode(ModuleOp module, const Target &level, const System &system) const {
  const CudaLevel &cuda = asCudaLevel(level);
  auto text = emitPtx(module, cuda);
  if (!text)
    return text.takeError();
  auto machine = makeMachine(system.triple, /*cpu=*/"", /*features=*/"");
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  auto host = translateCode(*gpu_code::hostCodeOf(module), context, **machine);
  if (!host)
    return host.takeError();
  optimizeCode(**host, **machine);
  auto object = printCode(**host, **machine, CodeKind::Object);
  if (!object)
    return object.takeError();
  return LevelCode{std::move(*object), entrySymbols(module, level.isa),
                   gpu_code::makeBlob(module, {std::move(*text), cuda.capability, cuda.ptx})};
}

} // namespace

const Backend &cudaBackend() {
  static const CudaBackend backend;
  return backend;
}

} // namespace phic
