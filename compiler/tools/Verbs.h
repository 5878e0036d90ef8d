//===- Verbs.h - The verbs of phic -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each function adds one sub-command; when the user names it, its callback
// does the work and stores an exit code in `result`.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOOLS_VERBS_H
#define PHIC_COMPILER_TOOLS_VERBS_H

#include "compiler/Options.h"

namespace CLI {
class App;
}

namespace phic {
void addBenchVerb(CLI::App &app, ExitCode &result);
void addBuildVerb(CLI::App &app, ExitCode &result);
void addCacheVerb(CLI::App &app, ExitCode &result);
void addCheckVerb(CLI::App &app, ExitCode &result);
void addHelpVerb(CLI::App &app, ExitCode &result);
void addInspectVerb(CLI::App &app, ExitCode &result);
void addTuneVerb(CLI::App &app, ExitCode &result);
void addVerifyVerb(CLI::App &app, ExitCode &result);
} // namespace phic

#endif // PHIC_COMPILER_TOOLS_VERBS_H
