//===- ToolMain.h - What all tools begin and end with ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_TOOLS_TOOLMAIN_H
#define PHIC_COMPILER_TOOLS_TOOLMAIN_H

#include "compiler/Options.h"
#include "compiler/files/Console.h"
#include "llvm/Support/InitLLVM.h"

namespace phic {

/// main(): the tool's exit code, or kExitUsage after a sentence where its reports did not arrive.
inline int runTool(const char *name, int argc, char **argv, int (*run)(int argc, char **argv)) {
  openConsole();
  llvm::InitLLVM init(argc, argv, /*InstallPipeSignalExitHandler=*/false);
  const int code = run(argc, argv);
  llvm::Error failure = flushReports();
  if (!failure)
    return code;
  messages() << name << ": error: " << llvm::toString(std::move(failure)) << "\n";
  return code ? code : int(kExitUsage);
}

} // namespace phic

#endif // PHIC_COMPILER_TOOLS_TOOLMAIN_H
