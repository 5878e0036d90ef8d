//===- ComposedFormTest.cpp - Normalization form C against ICU ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tables are ICU's, the algorithm is the runtime's: it has to give what ICU gives.
//===----------------------------------------------------------------------===//
#include "runtime/ComposedForm.h"
#include "compiler/tokenizer/CharacterSet.h"
#include "compiler/tokenizer/ComposedForm.h"
#include <gtest/gtest.h>
#include <random>
#include <unicode/unistr.h>

namespace {

using phic::tokenizer::composedForm;

std::string utf8(const std::u32string &characters) {
  std::string text;
  icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32 *>(characters.data()), int32_t(characters.size()))
      .toUTF8String(text);
  return text;
}

template <typename T> phi::TableView<T> viewOf(const std::vector<T> &elements) {
  return {reinterpret_cast<const uint8_t *>(elements.data()), {0, uint32_t(elements.size())}};
}

class ComposedForm : public testing::Test {
protected:
  static std::string composed(const std::string &text) {
    const uint32_t room = phi::MostComposedBytes * uint32_t(text.size());
    std::vector<uint32_t> work(2 * room);
    std::vector<uint8_t> out(room);
    const phi::ComposedFormTables tables{viewOf(form.decompositions), viewOf(form.compositions),
                                         viewOf(form.combining)};
    const uint32_t bytes = phi::composeText(tables, reinterpret_cast<const uint8_t *>(text.data()),
                                            uint32_t(text.size()), work.data(), out.data());
    return {out.begin(), out.begin() + bytes};
  }

  static const phic::tokenizer::ComposedForm form;
};
const phic::tokenizer::ComposedForm ComposedForm::form;

bool isCharacter(uint32_t c) { return c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF); }

TEST_F(ComposedForm, OfEveryCharacterIsIcus) {
  for (char32_t c = 1; c <= 0x10FFFF; ++c)
    if (isCharacter(c)) {
      const std::string text = utf8({c});
      ASSERT_EQ(composed(text), composedForm(text)) << "U+" << std::hex << uint32_t(c);
    }
}

TEST_F(ComposedForm, OfRandomTextsIsIcus) {
  // Letters, what decomposes, marks of all classes, and Hangul.
  std::vector<char32_t> pool = {'a', 'e', 'o', 'A', ' ', 0x1100, 0x1161, 0x11A7, 0x11A8, 0xAC00, 0xAC01, 0x9B4F};
  for (const phi_decomposition &entry : form.decompositions)
    for (uint32_t c : {entry.character, entry.first, entry.second})
      if (c)
        pool.push_back(c);
  for (const phi_combining &range : form.combining)
    pool.push_back(range.low);
  std::mt19937 chance(7);
  for (int i = 0; i < 20000; ++i) {
    std::u32string text(1 + chance() % 12, 0);
    const size_t some = chance() % 2 ? pool.size() : 12;
    for (char32_t &c : text)
      c = chance() % 3 ? pool[chance() % some] : pool[pool.size() - 1 - chance() % form.combining.size()];
    ASSERT_EQ(composed(utf8(text)), composedForm(utf8(text))) << i;
  }
}

TEST_F(ComposedForm, OfTextWithoutChangeIsTheText) {
  const auto changing = phic::tokenizer::CharacterSet::of("[[:NFC_QC=No:][:NFC_QC=Maybe:][:^ccc=0:]]").ranges();
  std::mt19937 chance(8);
  for (int i = 0; i < 20000; ++i) {
    std::u32string text;
    while (text.size() < 6) {
      const char32_t c = chance() % (chance() % 2 ? 0x3000 : 0x20000);
      if (isCharacter(c) && std::none_of(changing.begin(), changing.end(),
                                         [&](auto range) { return range.first <= c && c <= range.second; }))
        text += c;
    }
    ASSERT_EQ(composedForm(utf8(text)), utf8(text)) << "the class of characters that may change lacks one";
  }
}

TEST_F(ComposedForm, OrdersManyMarks) {
  // A megabyte of them by falling class: no pass may be quadratic.
  std::u32string text = U"e", iotas(250000, 0x345), acutes(250000, 0x301); // classes 240, 230
  EXPECT_EQ(composed(utf8(text + iotas + acutes)), utf8(U"\u00E9" + acutes.substr(1) + iotas));
}

TEST_F(ComposedForm, StaysInItsRoomWithAnyTables) {
  // Each character is two of itself, or is none.
  phic::tokenizer::ComposedForm hostile;
  for (phi_decomposition &entry : hostile.decompositions)
    entry.first = entry.second = entry.character;
  for (phi_combining &range : hostile.combining)
    range.combining_class = 0xFFFFFFFF;
  hostile.compositions.assign(100, 0xFFFFFFF0);
  const phi::ComposedFormTables tables{viewOf(hostile.decompositions), viewOf(hostile.compositions),
                                       viewOf(hostile.combining)};
  const std::string text = utf8(U"\u00E9\u0344\u0301\u1F82");
  const auto bytes = uint32_t(text.size()), room = phi::MostComposedBytes * bytes;
  std::vector<uint32_t> work(2 * room + 1, 77);
  std::vector<uint8_t> out(room + 1, 77);
  EXPECT_LE(phi::composeText(tables, reinterpret_cast<const uint8_t *>(text.data()), bytes, work.data(), out.data()),
            room);
  EXPECT_EQ(work.back(), 77u);
  EXPECT_EQ(out.back(), 77u);
}

} // namespace
