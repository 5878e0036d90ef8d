//===- PatternParser.h - A pattern as a tree -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The syntax half of Pattern.h.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_PATTERNPARSER_H
#define PHIC_COMPILER_TOKENIZER_PATTERNPARSER_H

#include "compiler/tokenizer/CharacterSet.h"

namespace phic::tokenizer {

struct PatternNode {
  enum Kind { Class, Sequence, Alternatives, Repeat, Ahead, NotAhead, Atomic };
  Kind kind = Sequence;
  CharacterRanges characters;        ///< of a Class
  std::vector<PatternNode> children; ///< of the others; Repeat and below have one
  uint32_t least = 0;
  uint32_t most = 0; ///< PHI_PATTERN_UNBOUNDED: no bound
  bool possessive = false;
};

llvm::Expected<PatternNode> parsePattern(llvm::StringRef pattern);

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_PATTERNPARSER_H
