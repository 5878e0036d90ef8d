//===- Dialects.h - What phic's IR may hold --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_DIALECTS_H
#define PHIC_COMPILER_DIALECTS_H

namespace mlir {
class DialectRegistry;
}

namespace phic {

/// Every dialect that the IR may hold between phases: for the compiler and phic-opt.
void registerDialects(mlir::DialectRegistry &registry);

} // namespace phic

#endif // PHIC_COMPILER_DIALECTS_H
