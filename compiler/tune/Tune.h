//===- Tune.h - Which tiles are fastest on this machine --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Builds a model with other sizes of tiles and runs each program in turns with one of
// the level's own sizes; the ratio of the stages that a size matters for decides.
// Results do not depend on tiles, so that a tuned program gives the same tokens.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TUNE_TUNE_H
#define PHIC_COMPILER_TUNE_TUNE_H

#include "compiler/Options.h"

namespace llvm {
class raw_ostream;
}

namespace phic {

struct TuneOptions {
  Options build;               ///< model, precision, plugins; `cpu` names one level (empty: this machine's best)
  std::string output;          ///< file of tiles; what it says of other levels stays
  int threads = 0;             ///< 0: as programs choose
  int repetitions = 5;         ///< runs of each program; the median counts
  int64_t promptTokens = 512;  ///< at most what the context leaves
  int64_t decodeTokens = 32;
};

/// `phic tune`. kExitUsage for a level that does not run here or a file that is none, kExitModel as compile().
ExitCode tune(const TuneOptions &options, llvm::raw_ostream &os, llvm::raw_ostream &log);

} // namespace phic

#endif // PHIC_COMPILER_TUNE_TUNE_H
