//===- LowerToLlvm.h - Kernels to the llvm dialect -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_PASSES_TARGET_LOWERTOLLVM_H
#define PHIC_PASSES_TARGET_LOWERTOLLVM_H

namespace mlir {
class OpPassManager;
}

namespace phic {

/// Appends the passes that take kernel bodies (scf, vector, arith, math) to the
/// llvm dialect. The phiq and plan ops of the module stay: they are data for the
/// link phase, and code emission leaves them out.
void addLowerToLlvm(mlir::OpPassManager &passes);

} // namespace phic

#endif // PHIC_PASSES_TARGET_LOWERTOLLVM_H
