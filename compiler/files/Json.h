//===- Json.h - JSON, read and written -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one way in and the one way out. What is read may be anybody's: it is nested
// at most kMostJsonLevels deep, UTF-8, and its numbers are those that 64 bits or a
// double hold; of equal keys the last one counts. Accessors have a fallback for what
// is absent or of another type, so that no damaged file can throw.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_FILES_JSON_H
#define PHIC_COMPILER_FILES_JSON_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace phic {

/// Objects are sorted by their keys.
using Json = nlohmann::json;

constexpr unsigned kMostJsonLevels = 64;

/// Parses `text`; `name` is the file's, for errors. An integer beyond 64 bits becomes the nearest double; one beyond a
/// double is an error.
llvm::Expected<Json> parseJson(llvm::StringRef text, llvm::StringRef name);

/// The text, with `indent` spaces a level, or on one line (-1). Bytes that are no UTF-8 become U+FFFD, numbers that are not
/// finite `null`.
std::string printJson(const Json &value, int indent = 1);

/// The member `key` of an object, or null when it is absent, `null`, or `value` no object.
const Json *member(const Json &value, const char *key);
/// The member, or an empty array where it is no array.
const Json &listIn(const Json &value, const char *key);

/// A member's string, bool or number, or the fallback where it is absent, of another type, or out of range.
std::string stringOr(const Json &value, const char *key, llvm::StringRef fallback);
bool boolOr(const Json &value, const char *key, bool fallback);
double numberOr(const Json &value, const char *key, double fallback);

/// The integer, where T holds it.
template <typename T> std::optional<T> integerOf(const Json &value) {
  if (value.is_number_unsigned() && std::in_range<T>(value.get<uint64_t>()))
    return T(value.get<uint64_t>());
  if (value.is_number_integer() && !value.is_number_unsigned() && std::in_range<T>(value.get<int64_t>()))
    return T(value.get<int64_t>());
  return std::nullopt;
}
template <typename T> T integerOr(const Json &value, const char *key, T fallback) {
  const Json *found = member(value, key);
  return found ? integerOf<T>(*found).value_or(fallback) : fallback;
}

} // namespace phic

#endif // PHIC_COMPILER_FILES_JSON_H
