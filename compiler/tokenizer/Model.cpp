//===- Model.cpp - What follows from a vocabulary -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/Model.h"
#include "compiler/tokenizer/CharacterSet.h"
#include "llvm/ADT/StringExtras.h"

namespace phic::tokenizer {
namespace {

const char lowerBlock[] = "\xE2\x96\x81"; // U+2581

bool isOneCharacter(llvm::StringRef text) { return text.size() <= 4 && decodeUtf8(text).size() == 1; }

/// Whether text may be cut before each space that follows a non-space: no merge
/// joins what such a cut parts.
bool mergesStopAtSpaces(const TokenizerModel &model) {
  bool hasSpace = false;
  for (int32_t id : model.lookup)
    hasSpace |= model.tokens[id].text == " ";
  if (!hasSpace)
    return false;
  for (const Merge &merge : model.merges) {
    llvm::StringRef text = model.tokens[merge.merged].text;
    for (size_t i = 1; i < text.size(); ++i)
      if (text[i] == ' ' && text[i - 1] != ' ')
        return false;
  }
  return true;
}

void completeToken(TokenizerModel &model, int32_t id, bool decodesBytes) {
  Token &token = model.tokens[id];
  const int byte = byteOfName(token.source);
  if (model.flags & PHI_TOKENIZER_BYTES) {
    token.text = decodeByteLevel(token.source).value_or(token.source);
  } else if (byte >= 0 && decodesBytes) {
    token.text = static_cast<char>(byte);
    token.flags |= PHI_TOKEN_BYTE;
  } else {
    token.text = model.flags & PHI_TOKENIZER_ESCAPED ? unescapeSpaces(token.source) : token.source;
  }
}

/// Makes a token findable by its byte or its text, where the runtime looks for it so.
void indexToken(TokenizerModel &model, int32_t id) {
  const Token &token = model.tokens[id];
  const bool whole = model.flags & PHI_TOKENIZER_IGNORE_MERGES;
  if (model.flags & PHI_TOKENIZER_BYTES) {
    const std::optional<std::string> bytes = decodeByteLevel(token.source);
    if (bytes && bytes->size() == 1)
      model.byteIds[static_cast<uint8_t>(bytes->front())] = id;
    if (bytes && whole)
      model.lookup.push_back(id);
    return;
  }
  if (const int byte = byteOfName(token.source); byte >= 0) {
    model.byteIds[byte] = id;
    return;
  }
  // A literal space cannot come out of a normalizer that replaces it.
  if (model.flags & PHI_TOKENIZER_ESCAPED && llvm::StringRef(token.source).contains(' '))
    return;
  if (whole || isOneCharacter(token.text))
    model.lookup.push_back(id);
}

} // namespace

const char *const gpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

int32_t TokenizerModel::find(llvm::StringRef source) const {
  for (const AddedToken &token : added)
    if (token.content == source)
      return token.id;
  for (size_t id = 0; id < tokens.size(); ++id)
    if (tokens[id].flags && tokens[id].source == source)
      return static_cast<int32_t>(id);
  return -1;
}

int byteOfCharacter(uint32_t character) {
  // Printable Latin-1 stands for itself; the other 68 bytes in order are U+0100..U+0143.
  static const std::array<int, 0x144> bytes = [] {
    std::array<int, 0x144> table;
    table.fill(-1);
    for (int byte = 0, next = 0x100; byte < 256; ++byte) {
      const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      table[printable ? byte : next++] = byte;
    }
    return table;
  }();
  return character < bytes.size() ? bytes[character] : -1;
}

std::optional<std::string> decodeByteLevel(llvm::StringRef source) {
  std::string bytes;
  for (char32_t character : decodeUtf8(source)) {
    const int byte = byteOfCharacter(character);
    if (byte < 0)
      return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

std::string unescapeSpaces(llvm::StringRef source) {
  std::string text;
  for (;;) {
    const size_t end = source.find(lowerBlock);
    text += source.take_front(end);
    if (end == llvm::StringRef::npos)
      return text;
    text += ' ';
    source = source.drop_front(end + 3);
  }
}

int byteOfName(llvm::StringRef source) {
  if (source.size() != 6 || !source.starts_with("<0x") || source[5] != '>')
    return -1;
  const unsigned high = llvm::hexDigitValue(source[3]), low = llvm::hexDigitValue(source[4]);
  return high > 15 || low > 15 ? -1 : static_cast<int>(high * 16 + low);
}

void completeModel(TokenizerModel &model, bool decodesBytes) {
  const bool bytes = model.flags & PHI_TOKENIZER_BYTES;
  for (int32_t id = 0; id < static_cast<int32_t>(model.tokens.size()); ++id) {
    Token &token = model.tokens[id];
    if (!token.flags)
      continue;
    completeToken(model, id, decodesBytes);
    if (token.merges)
      indexToken(model, id);
  }
  if (!bytes && mergesStopAtSpaces(model))
    model.flags |= PHI_TOKENIZER_SPACE_CUTS;
}

} // namespace phic::tokenizer
