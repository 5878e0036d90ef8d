//===- PatternParser.cpp - A pattern as a tree ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recursive descent over the characters of the pattern. The first problem found
// is kept and ends the parse; it quotes the construct.
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/PatternParser.h"
#include "compiler/tokenizer/JsonFields.h"
#include "llvm/ADT/StringExtras.h"

namespace phic::tokenizer {
namespace {

constexpr unsigned MaxNesting = 32;
constexpr uint32_t MaxRepeat = 1000;

class Parser {
public:
  explicit Parser(llvm::StringRef pattern) : p(decodeUtf8(pattern)) {}

  llvm::Expected<PatternNode> run(llvm::StringRef pattern) {
    PatternNode node = alternatives(/*foldCase=*/false);
    if (problem.empty() && at < p.size())
      problem = "unbalanced ')'";
    if (!problem.empty())
      return fail("pre-tokenizer pattern '" + pattern + "': " + problem);
    return node;
  }

private:
  bool peek(char c) const { return at < p.size() && p[at] == static_cast<uint32_t>(c); }
  bool take(char c) {
    const bool found = peek(c);
    at += found;
    return found;
  }
  bool take(llvm::StringRef text) {
    for (size_t i = 0; i < text.size(); ++i)
      if (at + i >= p.size() || p[at + i] != static_cast<uint8_t>(text[i]))
        return false;
    at += text.size();
    return true;
  }
  void complain(const llvm::Twine &what) {
    if (problem.empty())
      problem = what.str();
    at = p.size();
  }

  PatternNode alternatives(bool foldCase) {
    PatternNode node;
    node.kind = PatternNode::Alternatives;
    if (++nesting > MaxNesting)
      complain("groups are nested deeper than " + llvm::Twine(MaxNesting));
    do
      node.children.push_back(sequence(foldCase));
    while (problem.empty() && take('|'));
    --nesting;
    if (node.children.size() > 1)
      return node;
    PatternNode only = std::move(node.children.front());
    return only;
  }

  PatternNode sequence(bool foldCase) {
    PatternNode node;
    while (problem.empty() && at < p.size() && !peek('|') && !peek(')'))
      node.children.push_back(repeated(foldCase));
    if (node.children.size() != 1)
      return node;
    PatternNode only = std::move(node.children.front());
    return only; // so that a group of one class repeats as the class does
  }

  PatternNode repeated(bool foldCase) {
    PatternNode node = atom(foldCase);
    uint32_t least = 1, most = 1;
    const size_t begin = at;
    if (take('?'))
      least = 0;
    else if (take('*'))
      least = 0, most = PHI_PATTERN_UNBOUNDED;
    else if (take('+'))
      most = PHI_PATTERN_UNBOUNDED;
    else if (peek('{') && !counts(&least, &most))
      return node;
    if (at == begin || !problem.empty())
      return node;
    if (peek('?'))
      complain("lazy repeats ('" + quote(begin, at + 1) + "') are not supported");
    const bool possessive = p[begin] != '{' && take('+');
    if (peek('*') || peek('+') || peek('?') || peek('{'))
      complain("a repeat of a repeat ('" + quote(begin, at + 1) + "') is not supported");
    if (node.kind == PatternNode::Ahead || node.kind == PatternNode::NotAhead)
      complain("a repeated lookahead is not supported");
    PatternNode repeat;
    repeat.kind = PatternNode::Repeat;
    repeat.least = least;
    repeat.most = most;
    repeat.possessive = possessive;
    repeat.children.push_back(std::move(node));
    return repeat;
  }

  /// {m}, {m,}, {,n} or {m,n}; anything else in braces is text in Oniguruma, an error here.
  bool counts(uint32_t *least, uint32_t *most) {
    const size_t begin = at++;
    const std::optional<uint32_t> low = number();
    *least = low.value_or(0);
    *most = *least;
    std::optional<uint32_t> high = low;
    if (take(',')) {
      high = number();
      *most = high.value_or(PHI_PATTERN_UNBOUNDED);
    }
    if (!take('}') || (!low && !high) || *least > *most || *most == 0) {
      complain("'" + quote(begin, at + 1) + "' is no repeat count");
      return false;
    }
    return true;
  }

  std::optional<uint32_t> number() {
    std::optional<uint32_t> value;
    for (; at < p.size() && p[at] >= '0' && p[at] <= '9'; ++at) {
      value = value.value_or(0) * 10 + (p[at] - '0');
      if (*value > MaxRepeat) {
        complain("a repeat count is above " + llvm::Twine(MaxRepeat));
        return value;
      }
    }
    return value;
  }

  PatternNode atom(bool foldCase) {
    if (take('('))
      return group(foldCase);
    if (take('['))
      return toClass(characterClass(foldCase), /*foldCase=*/false);
    if (take('\\'))
      return toClass(escape(/*inClass=*/false), foldCase);
    CharacterSet set;
    if (take('.')) {
      set.add('\n', '\n');
      set.complement();
      return toClass(std::move(set), /*foldCase=*/false);
    }
    if (peek('^') || peek('$'))
      complain("the anchor '" + quote(at, at + 1) + "' is not supported");
    else if (peek('*') || peek('+') || peek('?') || peek('{'))
      complain("'" + quote(at, at + 1) + "' repeats nothing");
    if (at < p.size()) {
      set.add(p[at], p[at]);
      ++at;
    }
    return toClass(std::move(set), foldCase);
  }

  PatternNode group(bool foldCase) {
    const size_t begin = at - 1;
    PatternNode::Kind kind = PatternNode::Sequence;
    if (take("?i:"))
      foldCase = true;
    else if (take("?-i:"))
      foldCase = false;
    else if (take("?="))
      kind = PatternNode::Ahead;
    else if (take("?!"))
      kind = PatternNode::NotAhead;
    else if (take("?>"))
      kind = PatternNode::Atomic;
    else if (!take("?:") && peek('?'))
      complain("the group '" + quote(begin, at + 3) + "' is not supported");
    PatternNode inner = alternatives(foldCase);
    if (!take(')'))
      complain("unbalanced '('");
    if (kind == PatternNode::Sequence)
      return inner;
    PatternNode node;
    node.kind = kind;
    node.children.push_back(std::move(inner));
    return node;
  }

  static PatternNode toClass(CharacterSet set, bool foldCase) {
    if (foldCase)
      set.closeOverCase();
    PatternNode node;
    node.kind = PatternNode::Class;
    node.characters = set.ranges();
    return node;
  }

  /// After '['.
  CharacterSet characterClass(bool foldCase) {
    CharacterSet set;
    if (++nesting > MaxNesting)
      complain("classes are nested deeper than " + llvm::Twine(MaxNesting));
    const bool negated = take('^');
    for (bool first = true; problem.empty() && (first || !peek(']')); first = false) {
      if (at >= p.size())
        complain("unbalanced '['");
      else if (take("[:"))
        complain("POSIX classes ('[:') are not supported");
      else if (take("&&"))
        complain("class intersections ('&&') are not supported");
      else if (take('['))
        set.add(characterClass(foldCase));
      else
        member(set);
    }
    ++at;
    --nesting;
    if (foldCase)
      set.closeOverCase();
    if (negated)
      set.complement();
    return set;
  }

  /// A character, an escape, or a range of them.
  void member(CharacterSet &set) {
    uint32_t low = p[at++];
    if (low == '\\') {
      CharacterSet escaped = escape(/*inClass=*/true);
      const CharacterRanges ranges = escaped.ranges();
      set.add(escaped);
      if (ranges.size() != 1 || ranges[0].first != ranges[0].second)
        return;
      low = ranges[0].first;
    }
    set.add(low, low);
    if (!peek('-') || at + 1 >= p.size() || p[at + 1] == ']')
      return;
    ++at;
    uint32_t high = p[at++];
    if (high == '\\') {
      const CharacterRanges ranges = escape(/*inClass=*/true).ranges();
      high = ranges.size() == 1 && ranges[0].first == ranges[0].second ? ranges[0].first : 0;
    }
    if (problem.empty() && (high < low || high == '['))
      complain("a range in a character class ends before it begins");
    else if (problem.empty())
      set.add(low, high);
  }

  /// After '\'.
  CharacterSet escape(bool inClass) {
    CharacterSet set;
    if (at >= p.size()) {
      complain("it ends in '\\'");
      return set;
    }
    const uint32_t c = p[at++];
    static const struct {
      char name;
      uint32_t character;
    } controls[] = {{'n', 10}, {'r', 13}, {'t', 9}, {'f', 12}, {'v', 11}, {'a', 7}, {'e', 27}};
    for (const auto &control : controls)
      if (c == static_cast<uint32_t>(control.name)) {
        set.add(control.character, control.character);
        return set;
      }
    if (const char *expression = propertyEscape(c))
      return CharacterSet::of(expression);
    if (c == 'p' || c == 'P')
      return property(c == 'P');
    if (c == 'x' || c == 'u')
      return hexadecimal(c);
    if (c < 128 && llvm::isAlnum(static_cast<char>(c)))
      complain(llvm::Twine("the escape '\\") + llvm::Twine(static_cast<char>(c)) + "' is not supported");
    set.add(c, c);
    return set;
  }

  static const char *propertyEscape(uint32_t c) {
    switch (c) {
    case 's':
      return "[\\p{White_Space}]";
    case 'S':
      return "[\\P{White_Space}]";
    case 'd':
      return "[\\p{Nd}]";
    case 'D':
      return "[\\P{Nd}]";
    case 'w':
      return "[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]";
    case 'W':
      return "[^\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}]";
    default:
      return nullptr;
    }
  }

  /// {Name}, {^Name} or one letter, after \p.
  CharacterSet property(bool negated) {
    const size_t begin = at;
    std::string name;
    if (take('{')) {
      negated ^= take('^');
      while (at < p.size() && p[at] < 128 && (llvm::isAlnum(static_cast<char>(p[at])) || p[at] == '_'))
        name.push_back(static_cast<char>(p[at++]));
      if (!take('}'))
        name.clear();
    } else if (at < p.size() && p[at] < 128 && llvm::isAlpha(static_cast<char>(p[at]))) {
      name.push_back(static_cast<char>(p[at++]));
    }
    CharacterSet set = name.empty() ? CharacterSet() : CharacterSet::of("[\\p{" + name + "}]");
    if (set.empty())
      complain("the property '\\p" + quote(begin, at) + "' is not known");
    if (negated)
      set.complement();
    return set;
  }

  /// xHH, x{H..} or uHHHH.
  CharacterSet hexadecimal(uint32_t kind) {
    const bool braces = kind == 'x' && take('{');
    const size_t digits = braces ? 6 : kind == 'x' ? 2 : 4;
    uint32_t value = 0;
    size_t count = 0;
    for (; count < digits && at < p.size() && p[at] < 128 && llvm::isHexDigit(static_cast<char>(p[at])); ++count)
      value = value * 16 + llvm::hexDigitValue(static_cast<char>(p[at++]));
    const bool closed = braces ? count > 0 && take('}') : count == digits;
    CharacterSet set;
    if (!closed || value > 0x10FFFF)
      complain("a hexadecimal escape is malformed");
    else
      set.add(value, value);
    return set;
  }

  std::string quote(size_t begin, size_t end) const {
    std::string text;
    for (size_t i = begin; i < std::min(end, p.size()); ++i)
      text +=
          p[i] < 128 ? std::string(1, static_cast<char>(p[i])) : "U+" + llvm::utohexstr(static_cast<uint32_t>(p[i]));
    return text;
  }

  std::u32string p;
  size_t at = 0;
  unsigned nesting = 0;
  std::string problem;
};

} // namespace

llvm::Expected<PatternNode> parsePattern(llvm::StringRef pattern) { return Parser(pattern).run(pattern); }

} // namespace phic::tokenizer
