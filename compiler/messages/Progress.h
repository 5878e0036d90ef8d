//===- Progress.h - How far a long thing is --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     phic: packing weights  42 %, 7 s left
//
// One line on standard error where that is a terminal, from two seconds on, taken
// back at the end. Elsewhere nothing: logs stay the same from run to run.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_MESSAGES_PROGRESS_H
#define PHIC_COMPILER_MESSAGES_PROGRESS_H

#include <chrono>
#include <cstdint>
#include <string>

namespace phic {

class Progress {
public:
  /// `total` is what the largest `done` will be.
  Progress(std::string what, uint64_t total, bool quiet = false);
  ~Progress();
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;

  /// So much of `total` is done.
  void operator()(uint64_t done);

private:
  using Clock = std::chrono::steady_clock;
  std::string what;
  uint64_t total;
  bool visible, shown = false;
  Clock::time_point start = Clock::now(), last = start;
};

/// The line that is shown, without the terminal's control characters.
std::string progressText(const std::string &what, uint64_t done, uint64_t total, double seconds);

} // namespace phic

#endif // PHIC_COMPILER_MESSAGES_PROGRESS_H
