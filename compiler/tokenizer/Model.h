//===- Model.h - A tokenizer before it is tables ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What both readers (tokenizer.json, GGUF) produce and the table writer takes.
// Texts are in the form the runtime sees: bytes for byte-level models, a space
// where SentencePiece vocabularies write U+2581.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_MODEL_H
#define PHIC_COMPILER_TOKENIZER_MODEL_H

#include "phi/tokenizer.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace phic::tokenizer {

struct Token {
  std::string source; ///< as the file spells it
  std::string text;   ///< what it decodes to
  uint8_t flags = 0;  ///< phi_token_flag; 0: no such id
  bool merges = true; ///< the model knows it; false: only an added token
};

struct Merge {
  int32_t left, right, merged;
  uint32_t rank;
};

struct AddedToken {
  std::string content;
  int32_t id = -1;
  bool lstrip = false, rstrip = false, singleWord = false;
  bool normalized = false; ///< looked for after normalization
  bool special = false;    ///< not printed
  bool statesFlags = false; ///< comes from a file whose flags win
};

struct Split {
  std::string pattern;
  uint32_t keep = 3; ///< phi_split.keep
};

struct TokenizerModel {
  std::vector<Token> tokens; ///< by id
  std::vector<Merge> merges;
  std::vector<AddedToken> added;
  std::vector<Split> splits;
  std::vector<int32_t> lookup; ///< tokens that are found by their text
  std::array<int32_t, 256> byteIds;
  std::vector<int32_t> prefix, suffix;
  uint32_t flags = 0; ///< phi_tokenizer_flag
  bool normalizerEscapes = false; ///< spaces are U+2581 before normalized added tokens are looked for
  phi_prepend prepend = PHI_PREPEND_NEVER;
  int32_t unknownId = -1, bosId = -1, eosId = -1;
  std::vector<std::string> warnings;

  TokenizerModel() { byteIds.fill(-1); }

  /// The id of the token spelled so, or -1; for the few that have a name.
  int32_t find(llvm::StringRef source) const;
};

/// The pattern of ByteLevel with use_regex (GPT-2's).
extern const char *const gpt2Pattern;

/// The byte that a character of a byte-level vocabulary stands for, or -1.
int byteOfCharacter(uint32_t character);

/// The bytes a byte-level token stands for; nothing if one of its characters stands for none.
std::optional<std::string> decodeByteLevel(llvm::StringRef source);

/// U+2581 -> space.
std::string unescapeSpaces(llvm::StringRef source);

/// The byte that `<0xNN>` names, or -1.
int byteOfName(llvm::StringRef source);

/// Fills in what follows from the vocabulary: texts, byte ids, lookup, flags that
/// the merges allow. `decodesBytes`: `<0xNN>` prints its byte.
void completeModel(TokenizerModel &model, bool decodesBytes);

/// Writes the tables; an error if a pattern holds what they cannot say.
llvm::Expected<std::vector<uint8_t>> writeTables(const TokenizerModel &model);

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_MODEL_H
