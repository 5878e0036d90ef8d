//===- GraphFlags.h - Flags about a graph's inputs -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_TOOLS_GRAPHFLAGS_H
#define PHIC_COMPILER_TOOLS_GRAPHFLAGS_H

#include "compiler/import/InputSettings.h"

namespace CLI {
class App;
}

namespace phic {

/// --shape, --dim, --const and --state. What is not of their form, and a name that is given twice, is a UsageError.
void addGraphFlags(CLI::App &verb, InputSettings &settings);

} // namespace phic

#endif // PHIC_COMPILER_TOOLS_GRAPHFLAGS_H
