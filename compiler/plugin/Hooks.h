//===- Hooks.h - Passes by their names -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_PLUGIN_HOOKS_H
#define PHIC_COMPILER_PLUGIN_HOOKS_H

#include <string>

namespace mlir {
class OpPassManager;
}

namespace phic {

struct Hook;

/// Makes every pass that a pipeline's text may name known to MLIR: phic's and MLIR's clean-ups.
void registerPasses();

/// Appends what a hook runs, or returns why its text is no pipeline.
std::string addHook(mlir::OpPassManager &passes, const Hook &hook);

} // namespace phic

#endif // PHIC_COMPILER_PLUGIN_HOOKS_H
