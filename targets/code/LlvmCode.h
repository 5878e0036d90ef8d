//===- LlvmCode.h - The llvm dialect to code -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps that are the same for every machine that LLVM knows.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CODE_LLVMCODE_H
#define PHIC_TARGETS_CODE_LLVMCODE_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>

namespace phic {

enum class CodeKind { Object, Assembly, LlvmIr };

/// LLVM's machine of that name, for code that may lie anywhere.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>> makeMachine(llvm::StringRef triple, llvm::StringRef cpu,
                                                                 llvm::StringRef features);
/// LLVM IR, for a machine, of an op whose region holds nothing but ops of dialects with a translation.
llvm::Expected<std::unique_ptr<llvm::Module>> translateCode(mlir::Operation *code, llvm::LLVMContext &context,
                                                            const llvm::TargetMachine &machine);
void optimizeCode(llvm::Module &code, llvm::TargetMachine &machine);
llvm::Expected<llvm::SmallVector<char, 0>> printCode(llvm::Module &code, llvm::TargetMachine &machine, CodeKind kind);

} // namespace phic

#endif // PHIC_TARGETS_CODE_LLVMCODE_H
