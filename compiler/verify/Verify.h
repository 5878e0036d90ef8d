//===- Verify.h - A program against its own meaning ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs a program with its stages' buffers streamed, and gives the interpreter each
// stage's own inputs (the bytes that the program itself produced), with weights read
// back from the packed copy. A stage whose outputs are further from its meaning than
// its computed bound (ErrorBounds.h) diverges; the first one is named, with its worst
// element. Since an input is what its own stage stored, not what lies at its place in
// the arena later, a plan that overwrites a buffer too early shows as a divergence too.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_VERIFY_VERIFY_H
#define PHIC_COMPILER_VERIFY_VERIFY_H

#include "compiler/Plugin.h"
#include "compiler/verify/StageBuffers.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace phic {

struct VerifyOptions {
  std::string program;
  std::string model;             ///< directory or file it was made from: checks the packing too; empty: not
  std::vector<int32_t> tokens; ///< one prompt to run; empty: prompts for every entry point, made from the vocabulary
  int64_t generate = 2; ///< tokens decoded after each prompt
  int64_t threads = 2;
  std::string device; ///< whose plan and code; empty: those of the program's first plan
  std::string cpuVariant; ///< level to run, emulated where this machine lacks it; empty: what the program would choose
  PluginFlags plugins; ///< those it was built with, where they bring formats of weights
  bool listStages = false; ///< print every stage with its worst element, in order
};

/// What one stage showed over all steps.
struct StageVerdict {
  std::string name;
  std::string output; ///< "result 0", "keys of kv3"
  int64_t step = 0; ///< of the worst element
  Divergence worst;
};

struct VerifyReport {
  std::vector<StageVerdict> stages; ///< by stage index
  int64_t steps = 0;
  std::string device; ///< whose plan and code; empty: those of the program's first plan
  std::string cpuVariant; ///< level that ran; empty: the program chose, on a processor that phic does not know
  bool emulated = false;
  int64_t diverging = -1; ///< the first stage that diverged, at which the run was ended
};

/// The core, for tests: runs and compares. An error means that the program could not be run or read.
llvm::Expected<VerifyReport> verifyProgram(const VerifyOptions &options, const PluginRegistry &plugins);

/// `phic verify`: prints the report. kExitInternal when a stage diverges, kExitModel for a damaged program, kExitUsage for
/// code that the program does not have.
ExitCode verify(const VerifyOptions &options, llvm::raw_ostream &os, llvm::raw_ostream &log);

} // namespace phic

#endif // PHIC_COMPILER_VERIFY_VERIFY_H
