//===- JinjaLexer.h - A Jinja template as tokens ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_JINJALEXER_H
#define PHIC_COMPILER_TOKENIZER_JINJALEXER_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace phic::tokenizer {

struct JinjaToken {
  enum Kind { Text, BeginOutput, EndOutput, BeginTag, EndTag, Name, String, Integer, Float, Operator, End };
  Kind kind = End;
  std::string text; ///< of a String: what it says
  unsigned line = 1;
};

/// Splits a template into text and the tokens of its tags; white space control is done here.
llvm::Expected<std::vector<JinjaToken>> lexJinja(llvm::StringRef source);

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_JINJALEXER_H
