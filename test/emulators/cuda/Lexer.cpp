//===- Lexer.cpp - Words of PTX text -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Lexer.h"
#include <cctype>
#include <cstdlib>
#include <cstring>

namespace ptx {
namespace {

class Lexer {
public:
  explicit Lexer(const std::string &text) : text(text) {}

  std::vector<Word> all() {
    for (;;) {
      skip();
      words.emplace_back();
      words.back().line = line;
      if (at >= text.size())
        return std::move(words);
      next(words.back());
    }
  }

private:
  char peek(size_t ahead = 0) const { return at + ahead < text.size() ? text[at + ahead] : '\0'; }

  /// Past blanks and comments.
  void skip() {
    while (at < text.size()) {
      if (peek() == '\n') {
        ++line, ++at;
      } else if (isspace(static_cast<unsigned char>(peek())) || peek() == '\0') {
        ++at;
      } else if (peek() == '/' && peek(1) == '/') {
        at = std::min(text.find('\n', at), text.size());
      } else if (peek() == '/' && peek(1) == '*') {
        size_t end = text.find("*/", at + 2);
        if (end == std::string::npos)
          throw Refusal(line, "a comment that does not end");
        for (; at < end + 2; ++at)
          line += text[at] == '\n';
      } else {
        return;
      }
    }
  }

  static bool begins(char c) {
    return isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%' || c == '.';
  }
  static bool goesOn(char c) {
    return isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '.' || c == ':';
  }

  void next(Word &word) {
    char c = peek();
    if (isdigit(static_cast<unsigned char>(c)))
      return number(word);
    if (c == '"')
      return quoted(word);
    if (!begins(c)) {
      word.kind = Word::Kind::mark;
      word.text = c;
      ++at;
      return;
    }
    word.kind = Word::Kind::name;
    size_t begin = at++;
    // A colon is part of a name only when doubled: barrier.cluster has '::' in its modifiers, labels have one.
    while (goesOn(peek()) && (peek() != ':' || peek(1) == ':' || text[at - 1] == ':'))
      ++at;
    word.text = text.substr(begin, at - begin);
  }

  void quoted(Word &word) {
    size_t end = text.find_first_of("\"\n", at + 1);
    if (end == std::string::npos || text[end] != '"')
      throw Refusal(line, "a string that does not end");
    word.kind = Word::Kind::text;
    word.text = text.substr(at + 1, end - at - 1);
    at = end + 1;
  }

  void number(Word &word) {
    size_t begin = at;
    while (isalnum(static_cast<unsigned char>(peek())) || peek() == '.' ||
           ((peek() == '+' || peek() == '-') && isDecimalExponent(begin)))
      ++at;
    word.text = text.substr(begin, at - begin);
    const char *digits = word.text.c_str();
    char *end = nullptr;
    if (word.text.size() > 2 && digits[0] == '0' && strchr("fFdD", digits[1])) {
      word.kind = Word::Kind::real;
      word.bytes = tolower(digits[1]) == 'f' ? 4 : 8;
      word.bits = strtoull(digits + 2, &end, 16);
      if (word.text.size() != 2 + 2 * size_t(word.bytes))
        end = nullptr;
    } else if (word.text.find('.') != std::string::npos) {
      word.kind = Word::Kind::real;
      word.bytes = 8;
      double value = strtod(digits, &end);
      memcpy(&word.bits, &value, 8);
    } else {
      word.kind = Word::Kind::integer;
      bool isBinary = word.text.size() > 2 && digits[0] == '0' && tolower(digits[1]) == 'b';
      word.bits = isBinary ? strtoull(digits + 2, &end, 2) : strtoull(digits, &end, 0);
      if (end && *end == 'U')
        ++end;
    }
    if (!end || *end)
      throw Refusal(line, "'" + word.text + "' is not a number");
  }

  bool isDecimalExponent(size_t begin) const {
    return text.find('.', begin) < at && tolower(static_cast<unsigned char>(text[at - 1])) == 'e' &&
           text[begin + 1] != 'x';
  }

  const std::string &text;
  size_t at = 0;
  int line = 1;
  std::vector<Word> words;
};

} // namespace

std::vector<Word> cut(const std::string &text) { return Lexer(text).all(); }

} // namespace ptx
