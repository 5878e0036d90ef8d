//===- CharacterSet.cpp - A set of Unicode characters ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/CharacterSet.h"
#include <unicode/uset.h>
#include <unicode/utf8.h>

namespace phic::tokenizer {

void CharacterSet::Close::operator()(USet *set) const { uset_close(set); }

CharacterSet::CharacterSet() : set(uset_openEmpty()) {}

CharacterSet CharacterSet::of(llvm::StringRef expression) {
  std::u16string pattern(expression.begin(), expression.end());
  UErrorCode status = U_ZERO_ERROR;
  USet *parsed = uset_openPattern(pattern.data(), static_cast<int32_t>(pattern.size()), &status);
  CharacterSet result;
  if (U_SUCCESS(status) && parsed)
    result.set.reset(parsed);
  return result;
}

void CharacterSet::add(uint32_t low, uint32_t high) {
  uset_addRange(set.get(), static_cast<UChar32>(low), static_cast<UChar32>(high));
}

void CharacterSet::add(const CharacterSet &other) { uset_addAll(set.get(), other.set.get()); }

void CharacterSet::complement() { uset_complement(set.get()); }

void CharacterSet::closeOverCase() {
  uset_closeOver(set.get(), USET_CASE_INSENSITIVE);
  uset_removeAllStrings(set.get());
}

bool CharacterSet::empty() const { return uset_isEmpty(set.get()); }

CharacterRanges CharacterSet::ranges() const {
  CharacterRanges result;
  for (int32_t i = 0, n = uset_getItemCount(set.get()); i < n; ++i) {
    UChar32 low = 0, high = 0;
    UErrorCode status = U_ZERO_ERROR;
    if (uset_getItem(set.get(), i, &low, &high, nullptr, 0, &status) == 0 && U_SUCCESS(status))
      result.emplace_back(static_cast<uint32_t>(low), static_cast<uint32_t>(high));
  }
  return result;
}

std::u32string decodeUtf8(llvm::StringRef text) {
  std::u32string characters;
  const auto size = static_cast<int64_t>(text.size());
  for (int64_t at = 0; at < size;) {
    UChar32 character = 0;
    U8_NEXT_OR_FFFD(reinterpret_cast<const uint8_t *>(text.data()), at, size, character);
    characters.push_back(static_cast<char32_t>(character));
  }
  return characters;
}

bool isUtf8(llvm::StringRef text) {
  const auto size = static_cast<int64_t>(text.size());
  for (int64_t at = 0; at < size;) {
    UChar32 character = 0;
    U8_NEXT(reinterpret_cast<const uint8_t *>(text.data()), at, size, character);
    if (character < 0)
      return false;
  }
  return true;
}

CharacterRanges charactersOf(llvm::StringRef expression) { return CharacterSet::of(expression).ranges(); }

} // namespace phic::tokenizer
