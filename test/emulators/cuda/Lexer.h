//===- Lexer.h - Words of PTX text ---------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts PTX text into words: names with their dots ('ld.global.v4.u32', '%tid.x', '.reg'), numbers, strings, and single
// characters of punctuation. Comments are dropped. Text that ends anywhere ends in words of kind `end`.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_LEXER_H
#define PHIC_TEST_EMULATORS_CUDA_LEXER_H

#include "Program.h"

namespace ptx {

struct Word {
  enum class Kind { name, integer, real, text, mark, end } kind = Kind::end;
  std::string text;
  uint64_t bits = 0; ///< an integer, or the bits of a real
  uint8_t bytes = 0; ///< of a real: 4 or 8
  int line = 1;
};

std::vector<Word> cut(const std::string &text);

} // namespace ptx

#endif
