//===- Progress.cpp - How far a long thing is ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/messages/Progress.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

namespace phic {

using Seconds = std::chrono::duration<double>;

/// Nothing is shown before; and not more often than a person reads.
constexpr Seconds kPatience(2), kInterval(0.1);

Progress::Progress(std::string what, uint64_t total, bool quiet)
    : what(std::move(what)), total(total), visible(!quiet && llvm::sys::Process::StandardErrIsDisplayed()) {}

Progress::~Progress() {
  if (shown)
    llvm::errs() << "\r\033[K";
}

void Progress::operator()(uint64_t done) {
  const Clock::time_point now = Clock::now();
  if (!visible || done == 0 || now - start < kPatience || (shown && now - last < kInterval))
    return;
  shown = true;
  last = now;
  llvm::errs() << "\r" << progressText(what, done, total, Seconds(now - start).count()) << "\033[K";
  llvm::errs().flush();
}

std::string progressText(const std::string &what, uint64_t done, uint64_t total, double seconds) {
  const double share = total ? std::min(1.0, double(done) / double(total)) : 1;
  const double left = share > 0 ? seconds * (1 - share) / share : 0;
  return llvm::formatv("phic: {0} {1,3:f0} %, {2:f0} s left", what, 100 * share, left).str();
}

} // namespace phic
