//===- Tokenizer.h - A model's tokenizer as tables -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles the tokenizer and the chat template of a model into the blobs of
// phi/tokenizer.h. A construct that the tables cannot say is an error that names
// it. A chat template that is no plain sequence of texts and messages is only a
// warning: the program then takes raw text.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_TOKENIZER_H
#define PHIC_COMPILER_TOKENIZER_TOKENIZER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <vector>

namespace phic {
class InputFiles;

struct CompiledTokenizer {
  std::vector<uint8_t> tables;       ///< phi_tokenizer; put it at an address divisible by 4
  std::vector<uint8_t> chat;         ///< phi_chat; empty: no chat template
  std::vector<int32_t> stopIds;      ///< ascending; where generation ends
  std::vector<std::string> warnings; ///< for the user, one a line
  uint32_t idLimit = 0;              ///< every id is below: must not exceed the model's vocabulary
};

/// What may lie in a model's folder about its tokenizer, each read where it is there.
inline constexpr llvm::StringLiteral kTokenizerFiles[] = {
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "generation_config.json",
    "config.json",    "genai_config.json",     "chat_template.jinja",     "chat_template.json"};

/// Reads tokenizer.json, tokenizer_config.json, special_tokens_map.json, added_tokens.json,
/// chat_template.jinja and the eos ids of generation_config.json, config.json and
/// genai_config.json. `inputs` is told which of them it found.
llvm::Expected<CompiledTokenizer> compileTokenizer(llvm::StringRef directory, InputFiles *inputs = nullptr);

/// The same, of a folder that may have no tokenizer.json: then empty tables, and a warning that says what the program
/// cannot do.
llvm::Expected<CompiledTokenizer> compileFolderTokenizer(llvm::StringRef directory, InputFiles *inputs);

/// Of a model without a tokenizer: empty tables, and that warning.
CompiledTokenizer noTokenizer(const llvm::Twine &why);

/// An error where the tokenizer makes ids that the model does not know.
llvm::Error checkVocabulary(const CompiledTokenizer &tokenizer, uint32_t vocab);

} // namespace phic

#endif // PHIC_COMPILER_TOKENIZER_TOKENIZER_H
