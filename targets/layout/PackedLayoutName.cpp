//===- PackedLayoutName.cpp - Packed layouts as text -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// panel8x32_u4_f16u6_mf16u6: eight columns, blocks of 32, codes, scale, minimum.
//===----------------------------------------------------------------------===//
#include "targets/layout/PackedLayout.h"
#include <charconv>

namespace phic {
namespace {

bool consume(std::string_view &text, std::string_view prefix) {
  if (!text.starts_with(prefix))
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool consumeInteger(std::string_view &text, int64_t &value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc())
    return false;
  text.remove_prefix(end - text.data());
  return true;
}

/// The text up to the next underscore.
std::string_view nextWord(std::string_view &text) {
  size_t end = text.find('_');
  std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

/// What a scalar's name is followed by where it is multiplied by an integer a block.
std::string subScaleName(unsigned bits, bool isSigned) {
  return bits ? (isSigned ? "s" : "u") + std::to_string(bits) : "";
}

} // namespace

std::string PackedLayout::name() const {
  if (kind == Kind::Dense)
    return "dense_" + std::string(scalarName(element));
  std::string text = "panel" + std::to_string(kColumns);
  if (kind == Kind::FloatPanel || kind == Kind::CodePanel)
    return text + "_" + std::string(scalarName(element));
  text += "x" + std::to_string(block) + (codes.isSigned ? "_s" : "_u") + std::to_string(codes.bits) + "_" +
          std::string(scalarName(scale)) + subScaleName(subScaleBits, subScaleSigned);
  if (zero != Scalar::None)
    text += "_z" + std::string(scalarName(zero));
  else if (zeroConstant != 0)
    text += "_z" + std::to_string(zeroConstant);
  if (min != Scalar::None)
    text += "_m" + std::string(scalarName(min)) + subScaleName(subScaleBits, /*isSigned=*/false);
  return text;
}

std::optional<PackedLayout> PackedLayout::parse(std::string_view text) {
  const std::string_view whole = text;
  PackedLayout layout;
  for (Scalar element : {Scalar::F32, Scalar::I8, Scalar::U8})
    if (text == dense(element).name())
      return dense(element);
  if (!consume(text, "panel" + std::to_string(kColumns)))
    return std::nullopt;
  if (consume(text, "_")) {
    std::optional<Scalar> element = scalarByName(text);
    if (element == Scalar::I8 || element == Scalar::U8)
      return codePanel(*element);
    if (element != Scalar::F32 && element != Scalar::F16 && element != Scalar::BF16)
      return std::nullopt;
    return floatPanel(*element);
  }
  layout.kind = Kind::BlockPanel;
  int64_t bits = 0;
  if (!consume(text, "x") || !consumeInteger(text, layout.block) || !consume(text, "_") || text.empty())
    return std::nullopt;
  layout.codes.isSigned = text.front() == 's';
  text.remove_prefix(1);
  if (!consumeInteger(text, bits) || bits < 2 || bits > 8 || layout.block < 1 || !consume(text, "_"))
    return std::nullopt;
  layout.codes.bits = uint8_t(bits);
  std::string_view scaleWord = nextWord(text);
  if (consume(scaleWord, "f16u") || consume(scaleWord, "f16s")) {
    int64_t subBits = 0;
    layout.subScaleSigned = scaleWord.data()[-1] == 's';
    if (!consumeInteger(scaleWord, subBits) || subBits < 1 || subBits > 8 || !scaleWord.empty())
      return std::nullopt;
    layout.subScaleBits = uint8_t(subBits);
    scaleWord = "f16";
  }
  layout.scale = scalarByName(scaleWord).value_or(Scalar::None);
  while (!text.empty()) {
    std::string_view word = nextWord(text);
    if (consume(word, "m"))
      layout.min = scalarByName(word.substr(0, word.find('u'))).value_or(Scalar::None);
    else if (!consume(word, "z"))
      return std::nullopt;
    else if (std::optional<Scalar> type = scalarByName(word))
      layout.zero = *type;
    else if (!consumeInteger(word, layout.zeroConstant))
      return std::nullopt;
  }
  // One spelling only: what does not print back is not a name.
  if (layout.scale == Scalar::None || layout.name() != whole)
    return std::nullopt;
  return layout;
}

} // namespace phic
