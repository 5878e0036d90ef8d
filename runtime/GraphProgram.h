//===- GraphProgram.h - What a graph's program does ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHI_RUNTIME_GRAPHPROGRAM_H
#define PHI_RUNTIME_GRAPHPROGRAM_H

#include "Program.h"

namespace phi {

/// main() of the program of a graph that is no decoder. `start`: os::processStart().
int runGraphProgram(const phi_model &model, int argc, const char *const *argv, Console console, double start);

} // namespace phi

#endif // PHI_RUNTIME_GRAPHPROGRAM_H
