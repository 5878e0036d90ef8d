//===- Variables.cpp - Words, and declarations of variables --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Body.h"
#include <algorithm>
#include <cstring>

namespace ptx {

bool Words::accept(const std::string &text) {
  if (peek().kind == Word::Kind::end || peek().kind == Word::Kind::text || peek().text != text)
    return false;
  next();
  return true;
}

void Words::need(const std::string &text) {
  if (!accept(text))
    refuse("expected '" + text + "', found '" + (atEnd() ? "the end" : peek().text) + "'");
}

std::string Words::name() {
  if (peek().kind != Word::Kind::name)
    refuse("expected a name, found '" + (atEnd() ? "the end" : peek().text) + "'");
  return next().text;
}

Type Words::type() {
  std::string word = name();
  Type found = word[0] == '.' ? typeNamed(word.substr(1)) : Type::none;
  if (found == Type::none)
    refuse("expected a type, found '" + word + "'");
  return found;
}

uint64_t Words::number(uint64_t least, uint64_t most) {
  Word word = next();
  if (word.kind != Word::Kind::integer || word.bits < least || word.bits > most)
    refuse("'" + word.text + "' is not a number from " + std::to_string(least) + " to " + std::to_string(most));
  return word.bits;
}

void Words::skipBlock() {
  for (int depth = 1; depth;) {
    if (atEnd())
      refuse("a '{' without its '}'");
    std::string word = next().text;
    depth += (word == "{") - (word == "}");
  }
}

namespace {

void append(Words &words, Variable &variable, Type type) {
  bool isNegative = words.accept("-");
  Word word = words.next();
  uint64_t bits = word.bits;
  unsigned bytes = bytesOf(type);
  if (word.kind == Word::Kind::real && word.bytes == 8 && bytes == 4) {
    double value;
    memcpy(&value, &bits, 8);
    float rounded = float(isNegative ? -value : value);
    bits = 0;
    memcpy(&bits, &rounded, 4);
    isNegative = false;
  } else if (word.kind != Word::Kind::integer && (word.kind != Word::Kind::real || word.bytes != bytes)) {
    words.refuse("'" + word.text + "' cannot begin a variable");
  }
  if (isNegative)
    bits = word.kind == Word::Kind::real ? bits ^ (1ull << (8 * bytes - 1)) : 0 - bits;
  const uint8_t *from = reinterpret_cast<const uint8_t *>(&bits);
  variable.initial.insert(variable.initial.end(), from, from + bytes);
}

void initialiser(Words &words, Variable &variable, Type type) {
  if (!words.accept("{"))
    return append(words, variable, type);
  while (!words.accept("}")) {
    initialiser(words, variable, type);
    if (words.peek().text != "}")
      words.need(",");
  }
}

Space spaceNamed(Words &words) {
  static const std::pair<const char *, Space> names[] = {
      {".global", Space::global}, {".const", Space::constant}, {".shared", Space::shared}, {".local", Space::local}};
  for (auto [name, space] : names)
    if (words.accept(name))
      return space;
  words.refuse("'" + words.peek().text + "' is no declaration that is known");
}

} // namespace

Variable parseVariable(Words &words, bool isExternal) {
  Variable variable;
  variable.space = spaceNamed(words);
  uint64_t align = words.accept(".align") ? words.number(1, 1 << 20) : 0;
  Type type = words.type();
  variable.bytes = bytesOf(type);
  variable.align = std::max<uint64_t>(align, variable.bytes);
  if (!variable.bytes || (variable.align & (variable.align - 1)))
    words.refuse("a variable of no size or no alignment");
  variable.name = words.name();
  bool isOpen = false;
  while (words.accept("[")) {
    isOpen |= words.peek().text == "]";
    variable.bytes *= isOpen ? 0 : words.number(1, 1u << 31);
    words.need("]");
  }
  if (variable.bytes > 1ull << 32)
    words.refuse("'" + variable.name + "' is too large");
  if (words.accept("=")) {
    if (variable.space == Space::shared || variable.space == Space::local)
      words.refuse("'" + variable.name + "' cannot have initial values");
    initialiser(words, variable, type);
    if (isOpen)
      variable.bytes = variable.initial.size();
    if (variable.initial.size() > variable.bytes)
      words.refuse("'" + variable.name + "' has too many initial values");
  } else if (isOpen != isExternal || (isExternal && variable.space != Space::shared)) {
    words.refuse("'" + variable.name + "': only .extern .shared may leave its size open");
  }
  variable.isExternal = isExternal;
  words.need(";");
  return variable;
}

} // namespace ptx
