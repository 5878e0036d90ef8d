//===- tokenizer_json_fuzz.cpp - Any bytes as a tokenizer -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Any bytes as tokenizer.json, as a chat template and as a pre-tokenizer
// pattern: an error or tables. Tables are then used on a text, so that what the
// compiler let through cannot lead the runtime astray.
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/ChatTemplate.h"
#include "compiler/tokenizer/HuggingFace.h"
#include "compiler/tokenizer/Pattern.h"
#include "runtime/Template.h"
#include <cstdlib>

namespace {

using namespace phic::tokenizer;

const char sample[] = "Hello  w\xC3\xB6rld, it's <s> 123\n\n\t\xE2\x96\x81x \xFF\xE2\x82";

void use(const std::vector<uint8_t> &tables) {
  phi::Tokenizer tokenizer;
  if (!phi::openTokenizer(tables.data(), tables.size(), &tokenizer))
    std::abort();
  const phi::TextPart part{reinterpret_cast<const uint8_t *>(sample), sizeof(sample) - 1,
                           /*control=*/true};
  std::vector<uint64_t> work(phi::encodeWorkBytes(tokenizer, &part, 1) / 8 + 1);
  std::vector<int32_t> ids(4 * sizeof(sample));
  const int64_t count =
      phi::encode(tokenizer, &part, 1, phi::EncodePrefix, ids.data(), ids.size(), work.data(), work.size() * 8);
  phi::Decoder decoder;
  std::vector<uint8_t> out(phi::decodeBound(tokenizer));
  for (int64_t i = 0; i < count && i < static_cast<int64_t>(ids.size()); ++i)
    phi::decode(tokenizer, &decoder, ids[static_cast<size_t>(i)], out.data());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  if (auto model = readHuggingFace(text, {})) {
    if (auto tables = writeTables(*model))
      use(*tables);
    else
      llvm::consumeError(tables.takeError());
  } else {
    llvm::consumeError(model.takeError());
  }
  if (auto chat = compileChatTemplate(text, {"<s>", "</s>", "", "", "<s>"})) {
    phi::Chat view;
    if (!phi::openChat(chat->table.data(), chat->table.size(), &view))
      std::abort();
  } else {
    llvm::consumeError(chat.takeError());
  }
  PatternTables patterns;
  if (auto program = patterns.addPattern(text); !program)
    llvm::consumeError(program.takeError());
  return 0;
}
