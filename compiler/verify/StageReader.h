//===- StageReader.h - Runs a program, reads its stages --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Starts a program with `--stream-stages` and reads the records of phi/stream.h
// one by one. The program waits while its last stage is looked at, so memory
// holds one stage; in an emulated machine it runs to its end first, and a file holds all.
// The records are not trusted: counts are checked.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_VERIFY_STAGEREADER_H
#define PHIC_COMPILER_VERIFY_STAGEREADER_H

#include "compiler/verify/ProgramPipe.h"
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace phic {

class Emulator;

class StageReader {
public:
  struct Step {
    phi_stream_step facts = {};
    std::vector<std::vector<uint8_t>> inputs; ///< and states, as the step found them
  };
  struct Stage {
    uint32_t index = 0;
    std::vector<std::vector<uint8_t>> outputs;
  };

  /// Runs `program` with these arguments and `--stream-stages`, in `emulator` if there is one. Its steps begin with what
  /// they read, so many inputs and states.
  static llvm::Expected<std::unique_ptr<StageReader>> run(const std::string &program,
                                                          const std::vector<std::string> &arguments,
                                                          const ProgramPlan &plan, size_t inputCount,
                                                          const Emulator *emulator = nullptr);

  int64_t context() const { return header.context; }
  /// The next step; empty at the program's end.
  llvm::Expected<std::optional<Step>> nextStep();
  llvm::Expected<Stage> nextStage();
  /// Waits for the program; an error when it did not end well.
  llvm::Error finish() { return pipe.finish(); }

private:
  StageReader(const std::string &program, const ProgramPlan &plan, size_t inputCount)
      : pipe(program, "--stream-stages"), plan(plan), inputCount(inputCount) {}
  llvm::Expected<std::vector<uint8_t>> readBytes();

  ProgramPipe pipe;
  ProgramPlan plan;
  size_t inputCount;
  phi_stream_header header = {};
};

} // namespace phic

#endif // PHIC_COMPILER_VERIFY_STAGEREADER_H
