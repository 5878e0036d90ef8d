//===- Choice.h - Flags that take one of a few words -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_TOOLS_CHOICE_H
#define PHIC_COMPILER_TOOLS_CHOICE_H

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cassert>
#include <string>
#include <string_view>
#include <vector>

namespace phic {

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
  return verb
      .add_option_function<std::string>(
          flag, [&value, &words](const std::string &word) { value = valueOf<Value>(word, words); }, text)
      ->check(CLI::IsMember(offered));
}

} // namespace phic

#endif // PHIC_COMPILER_TOOLS_CHOICE_H
