//===- Pattern.h - Pre-tokenizer patterns as programs ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiles the regular expressions of pre-tokenizers into the programs of
// phi/tokenizer.h. The language is what tokenizers use of Oniguruma's:
// alternatives, groups, (?i:..), classes with \p{..}, counted repeats, possessive
// repeats, lookahead. Only one class may repeat without bound, so that a program
// needs no memory that grows with the text. All else is an error that names it.
// Character properties are ICU's, at compile time.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_PATTERN_H
#define PHIC_COMPILER_TOKENIZER_PATTERN_H

#include "phi/tokenizer.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace phic::tokenizer {

/// A set of characters as ascending, disjoint ranges.
using CharacterRanges = std::vector<std::pair<uint32_t, uint32_t>>;

/// The characters of ICU's UnicodeSet expression, `[\p{L}]` say; empty if it has none such.
CharacterRanges charactersOf(llvm::StringRef expression);

struct PatternTables {
  std::vector<phi_instruction> code;
  std::vector<phi_class> classes;
  std::vector<phi_range> ranges;

  /// The index of a class, made when it is new.
  uint32_t addClass(const CharacterRanges &characters);

  /// Appends the pattern's program; returns its first instruction's index.
  llvm::Expected<uint32_t> addPattern(llvm::StringRef pattern);

private:
  std::vector<CharacterRanges> known;
};

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_PATTERN_H
