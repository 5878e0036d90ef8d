//===- Choice.h - What values a flag takes ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every check of a value is one of these. What does not fit ends in a UsageError, whose
// sentence names the flag, what is accepted, and what was found; the type that help and
// completion show is made from the same words.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOOLS_CHOICE_H
#define PHIC_COMPILER_TOOLS_CHOICE_H

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cassert>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace phic {

/// A wrong command line, in a sentence of ours.
struct UsageError : CLI::ParseError {
  explicit UsageError(const std::string &sentence) : ParseError("UsageError", sentence, CLI::ExitCodes::BaseClass) {}
};

/// One of these words. `type`, in help: "{a,b}" where it is not given.
CLI::Option *takesOneOf(CLI::Option *option, std::vector<std::string> words, std::string type = "");
/// A decimal number of these, which divides by `step`.
CLI::Option *takesNumber(CLI::Option *option, int64_t least, int64_t most, int64_t step = 1);
/// A number of bytes, with or without a unit; the variable gets bytes.
CLI::Option *takesSize(CLI::Option *option);

/// The value of an enumeration that a word of `words`, which are in its order, stands for.
template <typename Value, size_t N> Value valueOf(std::string_view word, const std::string_view (&words)[N]) {
  const auto *found = std::find(std::begin(words), std::end(words), word);
  assert(found != std::end(words) && "the flag's check has seen the word");
  return Value(found - std::begin(words));
}

/// A flag for a value of an enumeration, by its word; `offered` are those that are accepted, where that is not all.
template <typename Value, size_t N>
CLI::Option *addChoice(CLI::App &verb, const std::string &flag, Value &value, const std::string_view (&words)[N],
                       const std::string &text, std::vector<std::string> offered = {}) {
  if (offered.empty())
    offered.assign(std::begin(words), std::end(words));
  return takesOneOf(verb.add_option_function<std::string>(
                        flag, [&value, &words](const std::string &word) { value = valueOf<Value>(word, words); }, text),
                    offered);
}

} // namespace phic

#endif // PHIC_COMPILER_TOOLS_CHOICE_H
