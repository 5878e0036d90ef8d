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

Notes notesOf(const phi_model_options &options) {
  auto tell = [](void *listener, const char *line, bool isPassing) {
    auto &options = *static_cast<const phi_model_options *>(listener);
    if (options.log && !isPassing)
      options.log(options.log_state, line);
  };
  return {tell, const_cast<phi_model_options *>(&options)};
}

phi_status openAsAsked(OpenModel *open, const phi_model &constants, const phi_model_options &options,
                       ErrorText &error) {
  const WeightsSource source = {options.weights_path, static_cast<const uint8_t *>(options.weights),
                                options.weights_bytes};
  const Notes notes = notesOf(options);
  phi_status status = openModel(open, constants, source, error, {options.device, nullptr, "device", notes});
  return status == PHI_OK ? loadModel(open, {}, notes, error) : status;
}

void logOpened(const phi_model_options &options, const OpenModel &open) {
  if (!options.log)
    return;
  char text[sizeof(open.path) + 256];
  Writer line(text, sizeof(text));
  line << open.model.name << ": code for " << open.code.variant->name;
  if (open.code.device().describe)
    open.code.device().describe(open.code.index, line << " on ");
  line << ", weights ";
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
