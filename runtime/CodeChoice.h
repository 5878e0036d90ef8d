//===- CodeChoice.h - Which code runs, and on what -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A program has code for several devices and levels, the best first. What is asked for by name runs, or a sentence says
// why it cannot; where nobody asks, the best runs that this machine has.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_CODECHOICE_H
#define PHI_RUNTIME_CODECHOICE_H

#include "runtime/devices/Device.h"

namespace phi {

/// Which code to run; nullptr: the best that this machine runs.
struct CodeChoice {
  const char *device = nullptr; ///< its name, "cuda", or one of several, "cuda:1"
  const char *variant = nullptr; ///< its name
  const char *deviceOption = "--device"; ///< by what the device was chosen, for a sentence
  Notes notes = {}; ///< told of a better device that is not here, where none was named
};

/// The device and the variant of `code`, and the model's. PHI_OK, or another status after a sentence to `errors`.
phi_status chooseCode(LoadedCode *code, const phi_model &model, const CodeChoice &choice, Writer &errors);
/// A line for each device that the model has code for: its name, and what would run on it.
void listDevices(const phi_model &model, Writer &out);
/// What runs: "4 threads, x86-64-v3" of a processor, "cuda, sm_80" of another device.
void writeRunner(const LoadedCode &code, int64_t threads, Writer &out);

} // namespace phi

#endif // PHI_RUNTIME_CODECHOICE_H
