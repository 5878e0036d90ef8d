//===- FormatText.cpp - Block formats as text ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What stands in `!phiq.block<...>`: printing and parsing.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Formats.h"
#include "dialects/phiq/TextCursor.h"
#include <cctype>

namespace phic {
namespace {

std::string codeName(unsigned bits, bool isSigned) { return (isSigned ? "s" : "u") + std::to_string(bits); }

/// Recursive-descent reader of the grammar in Dialect.td.
class FormatParser : public TextCursor {
public:
  using TextCursor::TextCursor;

  bool parseFormat(BlockFormat &format) {
    if (!parseCode("the codes", 2, format.codes) || !expect(",") || !parseBlock(format.block) || !expect(",") ||
        !expect("scale") || !expect("=") || !parseScale(format))
      return false;
    if (accept(", zero") && !(expect("=") && parseZero(format)))
      return false;
    if (accept(", min") && !(expect("=") && parseMin(format)))
      return false;
    return atEnd() || fail("the end, or ', zero = ...' before ', min = ...'");
  }

private:
  bool fail(const std::string &wanted) {
    return keep("expected " + wanted + ", found " + (rest.empty() ? "the end" : "'" + std::string(rest) + "'"));
  }

  bool expect(std::string_view token) { return accept(token) || fail("'" + std::string(token) + "'"); }

  std::string_view peekWord() {
    skipSpace();
    size_t length = 0;
    while (length < rest.size() && (std::isalnum(uint8_t(rest[length])) || rest[length] == '-'))
      ++length;
    return rest.substr(0, length);
  }

  /// A decimal integer of at most nine digits: no field of a format is larger.
  static std::optional<int64_t> asInteger(std::string_view word) {
    bool negative = word.starts_with('-');
    if (negative)
      word.remove_prefix(1);
    if (word.empty() || word.size() > 9)
      return std::nullopt;
    int64_t value = 0;
    for (char digit : word) {
      if (digit < '0' || digit > '9')
        return std::nullopt;
      value = 10 * value + (digit - '0');
    }
    return negative ? -value : value;
  }

  bool parseCode(const char *what, int64_t leastBits, CodeType &code) {
    std::string_view word = peekWord();
    std::optional<int64_t> bits;
    if (word.starts_with('u') || word.starts_with('s'))
      bits = asInteger(word.substr(1));
    if (!bits || *bits < leastBits || *bits > 8)
      return fail(std::string(what) + " as uN or sN with N in " + std::to_string(leastBits) + "..8");
    code = {uint8_t(*bits), word.front() == 's'};
    rest.remove_prefix(word.size());
    return true;
  }

  bool parseBlock(int64_t &block) {
    std::string_view word = peekWord();
    std::optional<int64_t> value = asInteger(word);
    if (!value || *value < 1)
      return fail("a block size of at least 1");
    block = *value;
    rest.remove_prefix(word.size());
    return true;
  }

  bool parseFloat(const char *what, Scalar &scalar) {
    std::string_view word = peekWord();
    std::optional<Scalar> found = scalarByName(word);
    if (!found || !isFloat(*found))
      return fail(std::string(what) + " as f32, f16 or bf16");
    scalar = *found;
    rest.remove_prefix(word.size());
    return true;
  }

  bool parseScale(BlockFormat &format) {
    if (!parseFloat("the scale", format.scale))
      return false;
    CodeType sub;
    if (!accept("*"))
      return true;
    if (!parseCode("the sub-scale", 2, sub))
      return false;
    format.subScaleBits = sub.bits;
    format.subScaleSigned = sub.isSigned;
    return true;
  }

  bool parseZero(BlockFormat &format) {
    std::string_view word = peekWord();
    if (std::optional<Scalar> scalar = scalarByName(word)) {
      format.zero = *scalar;
    } else if (std::optional<int64_t> value = asInteger(word); value && *value >= -256 && *value <= 256) {
      format.zeroConstant = *value;
    } else {
      return fail("the zero point as an integer in -256..256 or one of u4, u8, s4, s8, f16, bf16, f32");
    }
    rest.remove_prefix(word.size());
    return true;
  }

  bool parseMin(BlockFormat &format) {
    if (!parseFloat("the minimum", format.min))
      return false;
    if (format.subScaleBits == 0)
      return true;
    std::string sub = "* " + codeName(format.subScaleBits, /*isSigned=*/false);
    return expect("*") && (accept(sub.substr(2)) || fail("'" + sub + "', as the scale is two-level"));
  }
};

} // namespace

std::string BlockFormat::str() const {
  std::string text = codeName(codes.bits, codes.isSigned) + ", " + std::to_string(block) + ", scale = ";
  text += scalarName(scale);
  if (subScaleBits)
    text += " * " + codeName(subScaleBits, subScaleSigned);
  if (zero != Scalar::None)
    text += ", zero = " + std::string(scalarName(zero));
  else if (zeroConstant != 0)
    text += ", zero = " + std::to_string(zeroConstant);
  if (min != Scalar::None) {
    text += ", min = " + std::string(scalarName(min));
    if (subScaleBits)
      text += " * " + codeName(subScaleBits, /*isSigned=*/false);
  }
  return text;
}

std::optional<BlockFormat> BlockFormat::parse(std::string_view text, std::string *error) {
  BlockFormat format;
  FormatParser parser(text);
  bool parsed = parser.parseFormat(format);
  // One spelling a format, so that types compare equal exactly when their text does.
  if (parsed && format.str() != text) {
    parser.error = "spell '" + std::string(text) + "' as '" + format.str() + "'";
    parsed = false;
  }
  if (parsed)
    return format;
  if (error)
    *error = parser.error;
  return std::nullopt;
}

} // namespace phic
