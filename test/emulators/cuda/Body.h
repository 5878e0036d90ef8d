//===- Body.h - Statements of a kernel -----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The words of a text with a place in them; declarations of variables, and what stands between a kernel's braces.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_BODY_H
#define PHIC_TEST_EMULATORS_CUDA_BODY_H

#include "Lexer.h"

namespace ptx {

class Words {
public:
  explicit Words(std::vector<Word> words) : words(std::move(words)) {}

  const Word &peek(size_t ahead = 0) const { return words[std::min(at + ahead, words.size() - 1)]; }
  bool atEnd() const { return peek().kind == Word::Kind::end; }
  Word next() {
    Word word = peek();
    at += at + 1 < words.size();
    return word;
  }
  int line() const { return peek().line; }
  [[noreturn]] void refuse(const std::string &what) const { throw Refusal(line(), what); }
  bool accept(const std::string &text);
  void need(const std::string &text);
  std::string name();
  Type type();
  uint64_t number(uint64_t least, uint64_t most);
  /// Past the '}' of the '{' that was just taken.
  void skipBlock();

private:
  std::vector<Word> words;
  size_t at = 0;
};

/// '.space .align n .type name[n] = {...};'
Variable parseVariable(Words &words, bool isExternal);

/// Statements up to the kernel's '}'.
void parseBody(Words &words, Module &module, Kernel &kernel);

} // namespace ptx

#endif
