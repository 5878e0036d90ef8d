//===- FuzzPrompt.h - A prompt as a program encodes it ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_FUZZ_FUZZPROMPT_H
#define PHIC_TEST_FUZZ_FUZZPROMPT_H

#include "runtime/Os.h"
#include "runtime/Prompt.h"
#include <cstdlib>
#include <vector>

namespace phic::fuzz {

/// Ids that are encoded are within the vocabulary. The tables, if any, are open; `options` name no input to read.
inline void encodePrompt(phi::Prompt prompt, const phi_model &model, const phi::ProgramOptions &options,
                         phi::Writer &errors) {
  constexpr int64_t kCapacity = 16;
  if (readPrompt(&prompt, model, options, /*inputFile=*/-1, errors)) {
    phi::Layout measured;
    layoutPrompt(&prompt, &measured, kCapacity);
    std::vector<uint64_t> memory(measured.size / 8 + 1);
    phi::Layout layout;
    layout.base = reinterpret_cast<uint8_t *>(memory.data());
    layoutPrompt(&prompt, &layout, kCapacity);
    if (phi::encodePrompt(&prompt, errors))
      for (int64_t i = 0; i < prompt.idCount && i < kCapacity; ++i)
        if (uint32_t(prompt.ids[i]) >= model.vocab)
          std::abort();
  }
  if (prompt.input)
    phi::os::release(prompt.input, phi::kMostPromptBytes);
}

} // namespace phic::fuzz

#endif // PHIC_TEST_FUZZ_FUZZPROMPT_H
