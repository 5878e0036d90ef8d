//===- GpuCode.cpp - A module's code for a GPU -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/gpu/GpuCode.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "phi/gpu.h"
#include "targets/gpu/GpuBuilder.h"
#include "llvm/Support/Compression.h"

using namespace mlir;

namespace phic::gpu_code {
namespace {

constexpr unsigned kAlignment = 8;

/// Whether it belongs to the device: a kernel, or what one uses.
bool isDevices(Operation *op) {
  auto global = dyn_cast<LLVM::GlobalOp>(op);
  return isKernel(op) || (global && global.getAddrSpace() == kShared);
}

OwningOpRef<ModuleOp> take(ModuleOp module, function_ref<bool(Operation *)> isWanted) {
  OwningOpRef<ModuleOp> code = ModuleOp::create(module.getLoc());
  OpBuilder builder(code->getBodyRegion());
  for (Operation &op : *module.getBody())
    if (isa<LLVM::LLVMDialect>(op.getDialect()) && isWanted(&op))
      builder.clone(op);
  return code;
}

phi_gpu_argument inBlob(const StageArgument &argument) {
  static constexpr phi_gpu_space kSpaces[] = {PHI_GPU_WEIGHTS, PHI_GPU_ARENA, PHI_GPU_BINDING, PHI_GPU_CONTEXT};
  return {uint32_t(kSpaces[unsigned(argument.space)]), argument.slot, argument.offset};
}

/// Bytes, one thing after the other.
class BlobWriter {
public:
  template <typename T> uint64_t add(ArrayRef<T> values) {
    const uint64_t at = llvm::alignTo(bytes.size(), kAlignment);
    bytes.resize(at);
    auto *begin = reinterpret_cast<const char *>(values.data());
    bytes.append(begin, begin + values.size() * sizeof(T));
    return at;
  }
  /// With a zero behind it.
  uint64_t add(StringRef text) { return add(ArrayRef<char>(text.str().c_str(), text.size() + 1)); }

  SmallVector<char, 0> bytes;
};

} // namespace

bool isKernel(Operation *op) { return isa<LLVM::LLVMFuncOp>(op) && op->hasAttr(kThreads); }

KernelNumbers::KernelNumbers(ModuleOp module) {
  for (Operation &op : *module.getBody())
    if (isKernel(&op))
      numbers.try_emplace(cast<LLVM::LLVMFuncOp>(op).getName(), numbers.size());
}

OwningOpRef<ModuleOp> deviceCodeOf(ModuleOp module) { return take(module, isDevices); }
OwningOpRef<ModuleOp> hostCodeOf(ModuleOp module) {
  return take(module, [](Operation *op) { return !isDevices(op); });
}

uint64_t workspaceBytes(ModuleOp module) {
  uint64_t most = 0;
  for (auto kernel : module.getOps<LLVM::LLVMFuncOp>())
    if (auto bytes = kernel->getAttrOfType<IntegerAttr>(kWorkspace))
      most = std::max(most, uint64_t(bytes.getInt()));
  return most;
}

SmallVector<char, 0> makeBlob(ModuleOp module, const GpuText &text) {
  BlobWriter out;
  phi_gpu_code code = {};
  out.add(ArrayRef<phi_gpu_code>(code));
  SmallVector<phi_gpu_kernel> kernels;
  for (auto kernel : module.getOps<LLVM::LLVMFuncOp>()) {
    if (!isKernel(kernel))
      continue;
    kernels.push_back({out.add(kernel.getName()), uint32_t(kernel->getAttrOfType<IntegerAttr>(kThreads).getInt()),
                       kernel.getNumArguments() - 1});
  }
  SmallVector<phi_gpu_argument> arguments;
  for (plan::StageOp stage : stagesOf(module)) {
    llvm::append_range(arguments, llvm::map_range(argumentsOf(stage), inBlob));
    arguments.push_back({PHI_GPU_WORKSPACE, 0, 0});
  }
  code.magic = PHI_GPU_MAGIC;
  code.workspace_bytes = workspaceBytes(module);
  code.least = text.least;
  code.language = text.language;
  code.kernels = out.add(ArrayRef<phi_gpu_kernel>(kernels));
  code.arguments = out.add(ArrayRef<phi_gpu_argument>(arguments));
  code.kernel_count = uint32_t(kernels.size());
  code.argument_count = uint32_t(arguments.size());
  SmallVector<uint8_t, 0> packed;
  llvm::compression::zlib::compress(llvm::arrayRefFromStringRef(text.text), packed,
                                    llvm::compression::zlib::BestSizeCompression);
  code.text = out.add(ArrayRef<uint8_t>(packed));
  code.text_bytes = text.text.size();
  code.packed_bytes = packed.size();
  code.bytes = out.bytes.size();
  std::memcpy(out.bytes.data(), &code, sizeof(code));
  return std::move(out.bytes);
}

} // namespace phic::gpu_code
