//===- GraphCommandLine.h - The flags of a graph's program -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHI_RUNTIME_GRAPHCOMMANDLINE_H
#define PHI_RUNTIME_GRAPHCOMMANDLINE_H

#include "Npy.h"

namespace phi {

/// A binding with the files that it is read from and written to.
struct Port {
  const char *from = nullptr, *to = nullptr;  ///< nullptr: none
  NpyArray array;
  uint8_t *memory = nullptr;  ///< of an input that is copied, or a result
  ResultFile results;
};

struct GraphProgramOptions {
  int64_t threads = 0;             ///< 0: physical cores
  int64_t streamStages = -1, streamTimes = -1;
  const char *weights = nullptr;
  const char *device = nullptr, *cpuVariant = nullptr;  ///< nullptr: the best that there is
  bool reset = false;              ///< states are zero before every run
  bool stats = false, statsJson = false, version = false, licenses = false, help = false, listDevices = false;

  bool streams() const { return streamStages >= 0 || streamTimes >= 0; }
};

/// `ports`, one a binding of the model's entry, get their files. False after a sentence.
bool parseGraphCommandLine(const phi_model &model, int argc, const char *const *argv, Port *ports,
                           GraphProgramOptions *options, Writer &errors);
void printGraphHelp(const phi_model &model, const char *program, Writer &out);

} // namespace phi

#endif // PHI_RUNTIME_GRAPHCOMMANDLINE_H
