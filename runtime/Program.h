//===- Program.h - What a model binary does --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHI_RUNTIME_PROGRAM_H
#define PHI_RUNTIME_PROGRAM_H

#include "phi/format.h"

namespace phi {

enum ProgramExit : int {
  kExitFine = 0,
  kExitUsage = 1,      ///< wrong use, or not on this machine
  kExitDamaged = 2,    ///< the program's file is not whole
  kExitInterrupted = 130,
};

/// The files a program talks to; tests give others.
struct Console {
  int in = 0, out = 1, err = 2;
  bool isMapped = false; ///< the model's tables are pages of a file
};

/// main() of a model binary. `start` is when the process began (os::now's clock).
int runProgram(const phi_model &model, int argc, const char *const *argv, Console console, double start);

} // namespace phi

#endif // PHI_RUNTIME_PROGRAM_H
