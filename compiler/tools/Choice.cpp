//===- Choice.cpp - What values a flag takes -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/tools/Choice.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace phic {
namespace {

/// `read` gives what the variable gets for a text, or nothing where the text is not `wanted`.
CLI::Option *takes(CLI::Option *option, const std::string &wanted, const std::string &type,
                   std::function<std::optional<std::string>(llvm::StringRef)> read) {
  return option->transform(CLI::Validator(
      [=](std::string &text) {
        std::optional<std::string> value = read(text);
        if (!value)
          throw UsageError(option->get_name() + " takes " + wanted + ", not '" + text + "'");
        text = *value;
        return std::string();
      },
      type));
}

/// "auto, f32 or i8"
std::string alternatives(const std::vector<std::string> &words) {
  const std::string all = llvm::join(llvm::drop_end(words), ", ");
  return all + (all.empty() ? "" : " or ") + words.back();
}

/// Powers of 1024: "K", "KB" and "KiB" are the same, whatever the case.
std::optional<std::string> bytesOf(llvm::StringRef text) {
  uint64_t count = 0;
  if (text.consumeInteger(10, count))
    return std::nullopt;
  std::string unit = text.ltrim().lower();
  unsigned shift = 0;
  if (!unit.empty() && unit != "b") {
    const size_t power = llvm::StringRef("kmgtpe").find(unit[0]);
    llvm::StringRef rest = llvm::StringRef(unit).drop_front();
    if (power == llvm::StringRef::npos || !(rest.empty() || rest == "b" || rest == "ib"))
      return std::nullopt;
    shift = unsigned(10 * (power + 1));
  }
  if (count > UINT64_MAX >> shift)
    return std::nullopt;
  return std::to_string(count << shift);
}

} // namespace

CLI::Option *takesOneOf(CLI::Option *option, std::vector<std::string> words, std::string type) {
  if (type.empty())
    type = "{" + llvm::join(words, ",") + "}";
  return takes(option, alternatives(words), type, [words](llvm::StringRef text) {
    return llvm::is_contained(words, text) ? std::optional(text.str()) : std::nullopt;
  });
}

CLI::Option *takesNumber(CLI::Option *option, int64_t least, int64_t most, int64_t step) {
  const std::string range = std::to_string(least) + " to " + std::to_string(most),
                    wanted = (step == 1 ? "a number" : "a multiple of " + std::to_string(step)) + " from " + range;
  const std::string type = (step == 1 ? "INT" : "MULTIPLE OF " + std::to_string(step)) + " in [" +
                           std::to_string(least) + " - " + std::to_string(most) + "]";
  return takes(option, wanted, type, [=](llvm::StringRef text) -> std::optional<std::string> {
    int64_t number = 0;
    if (text.getAsInteger(10, number) || number < least || number > most || number % step)
      return std::nullopt;
    return std::to_string(number);
  });
}

CLI::Option *takesSize(CLI::Option *option) {
  return takes(option, "a size such as 500M or 2GiB", "", bytesOf)->type_name("SIZE");
}

} // namespace phic
