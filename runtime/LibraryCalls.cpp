//===- LibraryCalls.cpp - What calls of a C interface share ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "LibraryCalls.h"

namespace phi {

bool blockFits(const void *memory, uint64_t given, uint64_t bytes, ErrorText &error) {
  constexpr uintptr_t kLine = 64;
  if (memory && reinterpret_cast<uintptr_t>(memory) % kLine == 0 && given >= bytes)
    return true;
  if (!memory)
    error << "no memory is given";
  else if (given < bytes)
    error << "the memory given has " << given << " bytes, but " << bytes << " are needed";
  else
    error << "the memory given is not 64-byte aligned";
  return false;
}

void logOpened(const phi_model_options &options, const OpenModel &open) {
  if (!options.log)
    return;
  char text[sizeof(open.path) + 256];
  Writer line(text, sizeof(text));
  line << open.model.name << ": code for " << open.code.variant->name << ", weights ";
  if (open.path[0])
    line << "of " << open.path;
  else
    line << (open.model.sidecar ? "in memory" : "embedded");
  options.log(options.log_state, text);
}

bool checkThreads(int32_t *threads, ErrorText &error) {
  constexpr int32_t kMostThreads = 1024;
  *threads = *threads ? *threads : 1;
  if (*threads >= 1 && *threads <= kMostThreads)
    return true;
  error << *threads << " threads; a session takes 1 to " << kMostThreads;
  return false;
}

} // namespace phi
