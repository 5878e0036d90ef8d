//===- CharacterSet.h - A set of Unicode characters ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The little of ICU's UnicodeSet that patterns need, behind a value type.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_CHARACTERSET_H
#define PHIC_COMPILER_TOKENIZER_CHARACTERSET_H

#include "compiler/tokenizer/Pattern.h"
#include <memory>
#include <string>

struct USet;

namespace phic::tokenizer {

/// The characters of a text; U+FFFD where it is not UTF-8.
std::u32string decodeUtf8(llvm::StringRef text);
bool isUtf8(llvm::StringRef text);

class CharacterSet {
public:
  CharacterSet();
  CharacterSet(CharacterSet &&) = default;
  CharacterSet &operator=(CharacterSet &&) = default;

  /// The set of an ICU expression; empty when ICU does not know it.
  static CharacterSet of(llvm::StringRef expression);

  void add(uint32_t low, uint32_t high);
  void add(const CharacterSet &other);
  void complement();
  /// Adds what differs from a member by simple case folding only.
  void closeOverCase();
  bool empty() const;
  CharacterRanges ranges() const;

private:
  struct Close {
    void operator()(USet *set) const;
  };
  std::unique_ptr<USet, Close> set;
};

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_CHARACTERSET_H
