//===- ToolMain.h - What all tools begin and end with ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_TOOLS_TOOLMAIN_H
#define PHIC_COMPILER_TOOLS_TOOLMAIN_H

#include "compiler/Options.h"
#include "compiler/files/Console.h"
#include "llvm/Support/InitLLVM.h"

namespace phic {

/// main(): the tool's exit code; where its reports did not arrive the end of a broken pipe, or kExitUsage after a sentence.
inline int runTool(const char *name, int argc, char **argv, int (*run)(int argc, char **argv)) {
  openConsole();
  llvm::InitLLVM init(argc, argv, /*InstallPipeSignalExitHandler=*/false);
  int code = run(argc, argv);
  llvm::handleAllErrors(flushReports(), [&](const llvm::ErrorInfoBase &failure) {
    if (failure.convertToErrorCode() == std::errc::broken_pipe && code == kExitSuccess)
      dieOfBrokenPipe();
    messages() << name << ": error: " << failure.message() << "\n";
    code = code ? code : int(kExitUsage);
  });
  return code;
}

} // namespace phic

#endif // PHIC_COMPILER_TOOLS_TOOLMAIN_H
