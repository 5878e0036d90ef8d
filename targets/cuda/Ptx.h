//===- Ptx.h - Kernels to PTX ----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TARGETS_CUDA_PTX_H
#define PHIC_TARGETS_CUDA_PTX_H

#include "mlir/IR/BuiltinOps.h"
#include "targets/code/LlvmCode.h"
#include "targets/cuda/CudaLevel.h"

namespace phic {

/// The text of the kernels of a module that has been through `target`: PTX, or optimized LLVM IR.
llvm::Expected<std::string> emitPtx(mlir::ModuleOp module, const CudaLevel &level, CodeKind kind = CodeKind::Assembly);

} // namespace phic

#endif // PHIC_TARGETS_CUDA_PTX_H
