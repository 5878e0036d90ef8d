//===- ProgramPipe.h - Runs a program, reads what it streams ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Starts a program with `--stream-stages` or `--stream-times` and reads from the
// pipe. What it prints is not kept. The program waits while nobody reads; in an
// emulated machine it runs to its end first, and a file holds all.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_VERIFY_PROGRAMPIPE_H
#define PHIC_COMPILER_VERIFY_PROGRAMPIPE_H

#include "phi/format.h"
#include "phi/stream.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <vector>

namespace phic {

class Emulator;

/// The plan whose code a program is to run, as its manifest has it.
struct ProgramPlan {
  std::string device; ///< of the program's --device
  uint32_t stageCount = 0, chunkRows = 0, vocab = 0;
};

class ProgramPipe {
public:
  /// `flag` is the one that takes the pipe.
  ProgramPipe(std::string program, std::string flag) : program(std::move(program)), flag(std::move(flag)) {}
  ~ProgramPipe();
  ProgramPipe(const ProgramPipe &) = delete;
  ProgramPipe &operator=(const ProgramPipe &) = delete;

  /// In `emulator` if there is one.
  llvm::Error start(const std::vector<std::string> &arguments, const Emulator *emulator = nullptr);
  /// All of `count` bytes; else the reason that the program gives, or that there are too few.
  llvm::Error read(void *bytes, size_t count);
  /// The header with that magic number, of a program with that plan.
  llvm::Error readHeader(uint64_t magic, const ProgramPlan &plan, phi_stream_header &header);
  /// The facts of a step, checked; rows = 0 at the end.
  llvm::Error readStep(const ProgramPlan &plan, const phi_stream_header &header, phi_stream_step &step);
  /// Waits for the program; an error when it did not end well.
  llvm::Error finish();
  /// That the stream holds something wrong.
  llvm::Error damaged(const char *what) const;

private:
  llvm::Error startPiped(const std::vector<std::string> &words, const std::vector<std::string> &environment);
  llvm::Error runEmulated(const Emulator &emulator, const std::vector<std::string> &words);
  /// With those variables (NAME=VALUE) in place of this process' own.
  llvm::Error spawn(std::vector<std::string> words, std::vector<std::string> environment, int streamTo);

  std::string program, flag;
  int file = -1;
  int process = -1;
};

} // namespace phic

#endif // PHIC_COMPILER_VERIFY_PROGRAMPIPE_H
