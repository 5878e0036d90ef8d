//===- template_fuzz.cpp - Any text as a chat template ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles the input as Jinja; what becomes tables lays conversations out, with and without text in them.
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/ChatTemplate.h"
#include "runtime/Template.h"
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto compiled = phic::tokenizer::compileChatTemplate({reinterpret_cast<const char *>(data), size},
                                                       {"<s>", "</s>", "<unk>", "", "<s>"});
  if (!compiled) {
    llvm::consumeError(compiled.takeError());
    return 0;
  }
  phi::Chat chat;
  if (!phi::openChat(compiled->table.data(), compiled->table.size(), &chat))
    std::abort();
  const uint8_t text[] = " \nHi ";
  const phi_role roles[] = {PHI_ROLE_SYSTEM, PHI_ROLE_USER, PHI_ROLE_ASSISTANT, PHI_ROLE_USER};
  for (unsigned lengths = 0; lengths < 81; ++lengths) { // 0, 2 or 5 bytes each
    phi::Message messages[4];
    unsigned rest = lengths;
    for (size_t i = 0; i < 4; ++i, rest /= 3)
      messages[i] = {roles[i], text, rest % 3 == 0 ? 0u : rest % 3 == 1 ? 2u : 5u};
    for (size_t from = 0; from < 4; ++from) {
      phi::TextPart parts[9];
      const size_t count = phi::layOutChat(chat, PHI_ROLE_START, messages + from, 4 - from, parts);
      for (size_t i = 0; i < count; ++i)
        if (parts[i].bytes && !parts[i].text)
          std::abort();
    }
  }
  return 0;
}
