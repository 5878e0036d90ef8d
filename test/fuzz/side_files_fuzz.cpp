//===- side_files_fuzz.cpp - Any bytes beside a model ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The input is a folder: files, each begun by a byte 1 and a digit that says which. Tokenizer and chat template are
// compiled from it, and used.
//===----------------------------------------------------------------------===//
#include "FuzzFolder.h"
#include "compiler/tokenizer/Tokenizer.h"
#include "runtime/Template.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Error.h"
#include <cstdlib>
#include <fstream>

namespace {

constexpr const char *kNames[] = {"tokenizer.json",      "tokenizer_config.json",  "special_tokens_map.json",
                                  "added_tokens.json",   "generation_config.json", "genai_config.json",
                                  "chat_template.jinja", "chat_template.json",     "config.json"};

void use(const phic::CompiledTokenizer &compiled) {
  phi::Tokenizer tokenizer;
  if (!phi::openTokenizer(compiled.tables.data(), compiled.tables.size(), &tokenizer))
    std::abort();
  phi::Chat chat;
  if (compiled.chat.empty())
    return;
  if (!phi::openChat(compiled.chat.data(), compiled.chat.size(), &chat))
    std::abort();
  const uint8_t text[] = " Hi <s>";
  const phi::Message messages[] = {
      {PHI_ROLE_SYSTEM, text, 0}, {PHI_ROLE_USER, text, 7}, {PHI_ROLE_ASSISTANT, text, 3}, {PHI_ROLE_USER, text, 0}};
  for (size_t from = 0; from < 4; ++from) {
    phi::TextPart parts[9];
    const size_t count = phi::layOutChat(chat, PHI_ROLE_START, messages + from, 4 - from, parts);
    std::vector<uint64_t> work(phi::encodeWorkBytes(tokenizer, parts, count) / 8 + 1);
    int32_t ids[64];
    phi::encodeChat(chat, tokenizer, PHI_ROLE_START, -1, parts, count, ids, 64, work.data(), work.size() * 8);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (const char *name : kNames)
    std::filesystem::remove(phic::fuzz::folder() / name);
  llvm::SmallVector<llvm::StringRef> files;
  llvm::StringRef(reinterpret_cast<const char *>(data), size).split(files, '\1');
  for (llvm::StringRef file : files)
    if (!file.empty())
      std::ofstream(phic::fuzz::folder() / kNames[uint8_t(file[0]) % std::size(kNames)]) << file.drop_front().str();
  if (auto compiled = phic::compileTokenizer(phic::fuzz::folder().string()))
    use(*compiled);
  else
    llvm::consumeError(compiled.takeError());
  return 0;
}
