//===- OpenedProgram.h - A program and the IR it was made from -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_VERIFY_OPENEDPROGRAM_H
#define PHIC_COMPILER_VERIFY_OPENEDPROGRAM_H

#include "compiler/Options.h"
#include "compiler/link/ProgramFile.h"
#include "compiler/verify/ProgramPipe.h"
#include "dialects/plan/Plan.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace phic {

class PluginRegistry;

/// A program that runs, with one of the plans of its manifest.
struct OpenedProgram {
  OpenedProgram(ProgramFile program, const PluginRegistry &plugins);

  ProgramFile program;  ///< its sidecar, if it has one, is open
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<plan::StageOp> stages;
  ProgramPlan plan;
  llvm::ArrayRef<uint8_t> weights; ///< the plan's copy
  std::vector<std::string> cpuVariants; ///< the plan's, best first
};

/// Opens the plan of that device; empty: the first. Refuses libraries, foreign and damaged files; `verb` is for what it says
/// then. What `plugins` add to formats is understood. The weights' bytes are not looked at.
llvm::Expected<std::unique_ptr<OpenedProgram>> openProgram(const std::string &path, llvm::StringRef verb,
                                                           const PluginRegistry &plugins, llvm::StringRef device = "");

/// Says what could not be done with a program. kExitUsage for an invalid_argument, else kExitModel.
ExitCode tellFailure(llvm::Error failure, llvm::raw_ostream &log);

} // namespace phic

#endif // PHIC_COMPILER_VERIFY_OPENEDPROGRAM_H
