//===- ComposedForm.cpp - Tables of normalization form C ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/ComposedForm.h"
#include <algorithm>
#include <cassert>
#include <tuple>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

namespace phic::tokenizer {
namespace {

const icu::Normalizer2 &formC() {
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2 *form = icu::Normalizer2::getNFCInstance(status);
  assert(U_SUCCESS(status) && "ICU has its own data");
  return *form;
}

bool isHangulSyllable(UChar32 c) { return c >= 0xAC00 && c <= 0xD7A3; }

} // namespace

ComposedForm::ComposedForm() {
  icu::UnicodeString parts;
  for (UChar32 c = 0; c <= UCHAR_MAX_VALUE; ++c) {
    if (const uint32_t of = u_getCombiningClass(c)) {
      if (!combining.empty() && combining.back().high + 1 == uint32_t(c) && combining.back().combining_class == of)
        ++combining.back().high;
      else
        combining.push_back({uint32_t(c), uint32_t(c), of});
    }
    if (isHangulSyllable(c) || !formC().getRawDecomposition(c, parts))
      continue;
    const UChar32 first = parts.char32At(0);
    const int32_t next = parts.moveIndex32(0, 1);
    const UChar32 second = next < parts.length() ? parts.char32At(next) : 0;
    if (second && formC().composePair(first, second) == c)
      compositions.push_back(uint32_t(decompositions.size()));
    decompositions.push_back({uint32_t(c), uint32_t(first), uint32_t(second)});
  }
  std::sort(compositions.begin(), compositions.end(), [&](uint32_t a, uint32_t b) {
    const phi_decomposition &x = decompositions[a], &y = decompositions[b];
    return std::tie(x.first, x.second) < std::tie(y.first, y.second);
  });
}

std::string composedForm(llvm::StringRef text) {
  UErrorCode status = U_ZERO_ERROR;
  std::string result;
  formC().normalize(icu::UnicodeString::fromUTF8({text.data(), int32_t(text.size())}), status).toUTF8String(result);
  assert(U_SUCCESS(status) && "any text has a form C");
  return result;
}

} // namespace phic::tokenizer
