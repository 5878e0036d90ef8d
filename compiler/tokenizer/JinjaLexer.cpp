//===- JinjaLexer.cpp - A Jinja template as tokens ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/JinjaLexer.h"
#include "compiler/tokenizer/JsonFields.h"
#include "llvm/ADT/StringExtras.h"

namespace phic::tokenizer {
namespace {

constexpr size_t MaxSource = 256 << 10;

class Lexer {
public:
  explicit Lexer(std::string source) : s(std::move(source)) {}

  llvm::Expected<std::vector<JinjaToken>> run() {
    while (at < s.size() && problem.empty())
      textAndTag();
    if (!problem.empty())
      return fail("chat template, line " + llvm::Twine(line()) + ": " + problem);
    add(JinjaToken::End, "");
    return std::move(tokens);
  }

private:
  void add(JinjaToken::Kind kind, std::string text) { tokens.push_back({kind, std::move(text), line()}); }

  unsigned line() {
    for (; counted < std::min(at, s.size()); ++counted)
      lines += s[counted] == '\n';
    return lines;
  }

  bool startsWith(llvm::StringRef text) const { return llvm::StringRef(s).substr(at).starts_with(text); }

  /// Text up to the next tag, then that tag.
  void textAndTag() {
    size_t begin = at, tag = s.find('{', at);
    while (tag != std::string::npos && (tag + 1 == s.size() || !llvm::StringRef("{%#").contains(s[tag + 1])))
      tag = s.find('{', tag + 1);
    const size_t end = std::min(tag, s.size());
    llvm::StringRef text = llvm::StringRef(s).slice(begin, end);
    at = end;
    if (tag == std::string::npos)
      return addText(text);
    const char kind = s[tag + 1], control = tag + 2 < s.size() ? s[tag + 2] : ' ';
    if (control == '-')
      text = text.rtrim();
    else if (kind != '{' && control != '+')
      text = stripBlockIndent(text, begin);
    addText(text);
    at += 2;
    if (control == '-' || control == '+')
      ++at;
    if (kind == '#')
      comment();
    else
      tagTokens(kind == '{');
  }

  void addText(llvm::StringRef text) {
    if (!text.empty())
      add(JinjaToken::Text, text.str());
  }

  /// lstrip_blocks: a block tag that begins its line takes the white space before it.
  llvm::StringRef stripBlockIndent(llvm::StringRef text, size_t begin) const {
    const llvm::StringRef stripped = text.rtrim(" \t");
    const bool lineStart = begin == 0 || s[begin - 1] == '\n';
    return stripped.ends_with("\n") || (stripped.empty() && lineStart) ? stripped : text;
  }

  void comment() {
    const size_t end = s.find("#}", at);
    if (end == std::string::npos) {
      problem = "a comment without end";
      return;
    }
    const char control = s[end - 1];
    at = end + 2;
    trimAfter(control, /*block=*/true);
  }

  /// "-%}" takes all white space after it; trim_blocks: a block tag takes one newline.
  void trimAfter(char control, bool block) {
    if (control == '-')
      while (at < s.size() && llvm::isSpace(s[at]))
        ++at;
    else if (block && control != '+' && at < s.size() && s[at] == '\n')
      ++at;
  }

  void tagTokens(bool output) {
    const llvm::StringRef close = output ? "}}" : "%}";
    add(output ? JinjaToken::BeginOutput : JinjaToken::BeginTag, "");
    unsigned braces = 0; // a dict's }} is no end
    while (problem.empty()) {
      while (at < s.size() && llvm::isSpace(s[at]))
        ++at;
      if (at >= s.size()) {
        problem = "a tag without end";
        return;
      }
      const bool controlled = (s[at] == '-' || s[at] == '+') && llvm::StringRef(s).substr(at + 1).starts_with(close);
      if (controlled || (startsWith(close) && braces == 0)) {
        const char control = controlled ? s[at] : ' ';
        at += close.size() + controlled;
        add(output ? JinjaToken::EndOutput : JinjaToken::EndTag, "");
        return trimAfter(control, !output);
      }
      braces += s[at] == '{';
      braces -= s[at] == '}' && braces > 0;
      token();
    }
  }

  void token() {
    const char c = s[at];
    if (c == '\'' || c == '"')
      return string(c);
    if (llvm::isDigit(c))
      return number();
    if (llvm::isAlpha(c) || c == '_') {
      const size_t begin = at;
      while (at < s.size() && (llvm::isAlnum(s[at]) || s[at] == '_'))
        ++at;
      return add(JinjaToken::Name, s.substr(begin, at - begin));
    }
    for (llvm::StringRef two : {"==", "!=", "<=", ">=", "//", "**"})
      if (startsWith(two)) {
        at += 2;
        return add(JinjaToken::Operator, two.str());
      }
    if (!llvm::StringRef("+-*/%~<>=()[]{}.,:|").contains(c)) {
      problem = "the character '" + (llvm::isPrint(c) ? std::string(1, c) : "\\x" + llvm::utohexstr(uint8_t(c))) +
                "' has no meaning in a tag";
      return;
    }
    ++at;
    add(JinjaToken::Operator, std::string(1, c));
  }

  void number() {
    const size_t begin = at;
    auto digits = [&] {
      while (at < s.size() && llvm::isDigit(s[at]))
        ++at;
    };
    digits();
    const bool isFloat = at + 1 < s.size() && s[at] == '.' && llvm::isDigit(s[at + 1]);
    if (isFloat) {
      ++at;
      digits();
    }
    if (at - begin > 18)
      problem = "a number is too long";
    add(isFloat ? JinjaToken::Float : JinjaToken::Integer, s.substr(begin, at - begin));
  }

  void string(char quote) {
    std::string text;
    for (++at; at < s.size() && s[at] != quote; ++at) {
      if (s[at] != '\\' || at + 1 == s.size()) {
        text.push_back(s[at]);
        continue;
      }
      const char c = s[++at];
      static constexpr llvm::StringLiteral names = "ntr\\'\"\n", meanings = "\n\t\r\\'\"";
      const size_t which = names.find(c);
      if (which < meanings.size())
        text.push_back(meanings[which]);
      else if (c == 'u' || c == 'x')
        hexadecimal(c == 'u' ? 4 : 2, text);
      else if (c != '\n')
        text.append({'\\', c}); // Python keeps what it does not know
    }
    if (at >= s.size()) {
      problem = "a string without end";
      return;
    }
    ++at;
    add(JinjaToken::String, std::move(text));
  }

  /// At the 'u' or 'x' of an escape; ends on its last digit.
  void hexadecimal(size_t digits, std::string &text) {
    uint32_t value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (at + 1 >= s.size() || !llvm::isHexDigit(s[at + 1])) {
        problem = "a malformed escape in a string";
        return;
      }
      value = value * 16 + llvm::hexDigitValue(s[++at]);
    }
    if (value >= 0xD800 && value < 0xE000)
      problem = "surrogates in a string are not supported";
    else if (value < 0x80)
      text.push_back(static_cast<char>(value));
    else if (value < 0x800)
      text.append({static_cast<char>(0xC0 | value >> 6), static_cast<char>(0x80 | (value & 63))});
    else
      text.append({static_cast<char>(0xE0 | value >> 12), static_cast<char>(0x80 | (value >> 6 & 63)),
                   static_cast<char>(0x80 | (value & 63))});
  }

  std::string s;
  size_t at = 0;
  size_t counted = 0;
  unsigned lines = 1;
  std::vector<JinjaToken> tokens;
  std::string problem;
};

} // namespace

llvm::Expected<std::vector<JinjaToken>> lexJinja(llvm::StringRef source) {
  if (source.size() > MaxSource)
    return fail("a chat template of " + llvm::Twine(source.size()) + " bytes is longer than " + llvm::Twine(MaxSource));
  std::string text;
  for (size_t i = 0; i < source.size(); ++i)
    if (source[i] != '\r')
      text.push_back(source[i]);
    else if (i + 1 == source.size() || source[i + 1] != '\n')
      text.push_back('\n');
  if (!text.empty() && text.back() == '\n')
    text.pop_back();
  return Lexer(std::move(text)).run();
}

} // namespace phic::tokenizer
