//===- IrMutator.h - Changes to IR that MLIR still parses ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bytes changed at random are refused by MLIR's parser. Words put in place of words of their kind, and whole lines moved, are
// mostly not: numbers, names of values, types, symbols and attributes as they occur elsewhere in the text.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_FUZZ_IRMUTATOR_H
#define PHIC_TEST_FUZZ_IRMUTATOR_H

#include <cctype>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace phic::fuzz {

class IrMutator {
public:
  IrMutator(std::string text, unsigned seed) : text(std::move(text)), random(seed) {}

  /// The text with one to four changes; empty: there is nothing to change.
  std::string run() {
    for (uint64_t changes = 1 + below(4); changes > 0; --changes) {
      readWords();
      if (words.empty())
        return {};
      switch (below(8)) {
      case 0:
        moveLine();
        break;
      case 1:
        dropItem();
        break;
      case 2:
      case 3:
        otherWord();
        break;
      default:
        otherNumber();
        break;
      }
    }
    return text;
  }

private:
  enum class Kind { Number, Value, Symbol, String, Name };
  struct Word {
    Kind kind;
    size_t begin, size;
  };

  uint64_t below(uint64_t end) { return random() % end; }

  static bool isNameByte(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '$';
  }

  size_t endOfName(size_t at) const {
    while (at < text.size() && isNameByte(text[at]))
      ++at;
    return at;
  }

  /// Locations, which the text ends with, say nothing.
  void readWords() {
    words.clear();
    for (size_t at = 0; at < text.size() && text.compare(at, 5, "\n#loc") != 0;) {
      const char c = text[at];
      size_t end = at + 1;
      if (c == '"') {
        end = text.find('"', end);
        end = end == std::string::npos ? text.size() : end + 1;
        add(Kind::String, at, end);
      } else if (c == '%' || c == '@') {
        end = endOfName(end);
        add(c == '%' ? Kind::Value : Kind::Symbol, at, end);
      } else if (std::isdigit(static_cast<unsigned char>(c))) {
        while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])))
          ++end;
        add(Kind::Number, at, end);
      } else if (isNameByte(c)) {
        end = endOfName(end);
        add(Kind::Name, at, end);
      }
      at = end;
    }
  }

  void add(Kind kind, size_t begin, size_t end) { words.push_back({kind, begin, end - begin}); }

  /// Some word of the kind, from a random place on.
  const Word *find(Kind kind) {
    const size_t from = below(words.size());
    for (size_t i = 0; i < words.size(); ++i)
      if (const Word &word = words[(from + i) % words.size()]; word.kind == kind)
        return &word;
    return nullptr;
  }

  std::string textOf(const Word &word) const { return text.substr(word.begin, word.size); }

  void otherNumber() {
    const Word *word = find(Kind::Number);
    if (!word)
      return;
    static constexpr std::string_view kEdges[] = {"0",
                                                  "1",
                                                  "-1",
                                                  "2",
                                                  "3",
                                                  "7",
                                                  "8",
                                                  "16",
                                                  "31",
                                                  "32",
                                                  "33",
                                                  "64",
                                                  "65",
                                                  "255",
                                                  "256",
                                                  "4096",
                                                  "2147483647",
                                                  "2147483648",
                                                  "4294967295",
                                                  "4294967296",
                                                  "9223372036854775807",
                                                  "18446744073709551615"};
    const unsigned long long value = std::strtoull(textOf(*word).c_str(), nullptr, 10);
    std::string other;
    switch (below(5)) {
    case 0:
      other = kEdges[below(std::size(kEdges))];
      break;
    case 1:
      other = textOf(*find(Kind::Number));
      break;
    case 2:
      other = std::to_string(value + 1 - 2 * below(2));
      break;
    case 3:
      other = std::to_string(value * 2);
      break;
    default:
      other = std::to_string(value / 2);
      break;
    }
    text.replace(word->begin, word->size, other);
  }

  /// A word of the same kind in place of one that is no number.
  void otherWord() {
    const Word word = words[below(words.size())], *other = find(word.kind);
    if (word.kind != Kind::Number)
      text.replace(word.begin, word.size, textOf(*other));
  }

  /// One of a list, with its comma: an attribute, an operand, a dimension.
  void dropItem() {
    const size_t comma = text.find(", ", words[below(words.size())].begin);
    if (comma == std::string::npos)
      return;
    size_t end = comma + 2;
    for (int depth = 0; end < text.size() && text[end] != '\n'; ++end) {
      const char c = text[end];
      if (depth == 0 && (c == ',' || c == ')' || c == ']' || c == '}' || c == '>'))
        break;
      depth += (c == '(' || c == '[' || c == '{' || c == '<') - (c == ')' || c == ']' || c == '}' || c == '>');
    }
    text.erase(comma, end - comma);
  }

  /// A line put elsewhere, left out or written twice.
  void moveLine() {
    const size_t at = words[below(words.size())].begin, before = text.rfind('\n', at);
    const size_t begin = before == std::string::npos ? 0 : before + 1,
                 end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string line = text.substr(begin, end - begin);
    if (below(2))
      text.erase(begin, end - begin);
    if (below(2))
      return;
    // Not far, so that what it reads is mostly there.
    size_t to = begin;
    for (uint64_t lines = below(8); lines > 0 && to < text.size(); --lines)
      to = std::min(text.find('\n', to), text.size() - 1) + 1;
    text.insert(to, line);
  }

  std::string text;
  std::mt19937_64 random;
  std::vector<Word> words;
};

} // namespace phic::fuzz

#endif // PHIC_TEST_FUZZ_IRMUTATOR_H
