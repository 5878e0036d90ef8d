//===- Compiler.h - From a model to a program ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_COMPILER_H
#define PHIC_COMPILER_COMPILER_H

#include "compiler/Options.h"
#include "compiler/messages/Diagnostics.h"
#include "mlir/IR/BuiltinOps.h"
#include <functional>

namespace llvm {
class raw_ostream;
}

namespace phic {

class InputFiles;
class PluginRegistry;
struct BuildRequest;

/// Compiles `options.model` and writes `options.output`, atomically: on failure
/// no output is left. Diagnostics, remarks and the summary go to `log`.
ExitCode compile(const Options &options, llvm::raw_ostream &log);
/// The same with plugins that the calling program has built in, before those of `options`.
ExitCode compile(const Options &options, llvm::raw_ostream &log, const PluginRegistry &plugins);
/// Tells which files it `read`, for those who write more than it does.
ExitCode compile(const Options &options, llvm::raw_ostream &log, const PluginRegistry &plugins, InputFiles &read);

/// Looks at a model on its way through the phases; nothing is written.
struct PhaseObserver {
  Phase last = Phase::Kernels;                       ///< stop after this one
  /// Called after each: with the module of all machines, then one a family, from `kernels` on one a level, the CPU's first.
  std::function<void(Phase, llvm::ArrayRef<mlir::ModuleOp>)> after;
  std::vector<Finding> findings; ///< every diagnostic, in order
};

/// compile(), seen by `observer` and without output. The code is that of the first phase that failed.
ExitCode observe(const BuildRequest &request, PhaseObserver &observer);

} // namespace phic

#endif // PHIC_COMPILER_COMPILER_H
