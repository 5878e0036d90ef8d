//===- GpuCode.h - A module's code for a GPU -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a module that has been through `target` is split into: kernels, which the device
// gets as text, and entry points, which are the host's.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_GPU_GPUCODE_H
#define PHIC_TARGETS_GPU_GPUCODE_H

#include "mlir/IR/BuiltinOps.h"
#include "targets/Backend.h"
#include "targets/stages/StageArguments.h"

namespace phic::gpu_code {

/// Numbers of a module's kernels, in its order.
class KernelNumbers {
public:
  explicit KernelNumbers(mlir::ModuleOp module);
  unsigned of(llvm::StringRef symbol) const { return numbers.lookup(symbol); }

private:
  llvm::StringMap<unsigned> numbers;
};

bool isKernel(mlir::Operation *op);
/// Of a kernel's parameters those that are a stage's: its arguments, and the workspace.
inline size_t argumentCountOf(plan::StageOp stage) { return argumentsOf(stage).size() + 1; }

/// Kernels, and memory of blocks.
mlir::OwningOpRef<mlir::ModuleOp> deviceCodeOf(mlir::ModuleOp module);
/// Entry points, and what they call.
mlir::OwningOpRef<mlir::ModuleOp> hostCodeOf(mlir::ModuleOp module);

/// Of a session, what the kernels of a module work in beside the plan's memory.
uint64_t workspaceBytes(mlir::ModuleOp module);

/// What its text is.
struct GpuText {
  std::string text;
  uint32_t least, language; ///< of phi_gpu_code
};
/// phi_gpu_code of a module whose kernels are that text.
llvm::SmallVector<char, 0> makeBlob(mlir::ModuleOp module, const GpuText &text);

} // namespace phic::gpu_code

#endif // PHIC_TARGETS_GPU_GPUCODE_H
