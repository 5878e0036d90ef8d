//===- Codegen.h - A module's kernels to machine code ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TARGETS_CPU_CODE_CODEGEN_H
#define PHIC_TARGETS_CPU_CODE_CODEGEN_H

#include "mlir/IR/BuiltinOps.h"
#include "targets/code/LlvmCode.h"
#include "targets/cpu/CpuTarget.h"

namespace phic {

/// Machine code of the llvm functions of a module that has been through
/// `target`: row regions (`phic.region`) are compiled by Halide, linked in and
/// inlined, everything but `phi_*` entry points is internal. The bytes depend on
/// the module, the target and LLVM's triple of the system only (reproducible).
llvm::Expected<llvm::SmallVector<char, 0>> emitCode(mlir::ModuleOp module, const CpuTarget &target, CodeKind kind,
                                                    llvm::StringRef triple);

/// What keeps its symbol, and so is compiled even if nothing in the module calls it.
enum class VisibleCode { EntryPoints, WhatIsNotInternal };

/// The same as optimized LLVM IR.
llvm::Expected<std::unique_ptr<llvm::Module>> makeCode(mlir::ModuleOp module, const CpuTarget &target,
                                                       VisibleCode visible, llvm::LLVMContext &context);

} // namespace phic

#endif // PHIC_TARGETS_CPU_CODE_CODEGEN_H
