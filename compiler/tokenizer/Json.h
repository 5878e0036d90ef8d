//===- Json.h - Untrusted JSON as a tree -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parses the JSON files of a model directory: bounded depth, no exceptions, and
// errors that say where. Accessors name the path of what is missing or wrong.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_JSON_H
#define PHIC_COMPILER_TOKENIZER_JSON_H

#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace phic::tokenizer {

using Json = nlohmann::json;

/// An error whose text is a user's diagnostic.
llvm::Error fail(const llvm::Twine &message);

/// Parses `text`; `name` is the file's, for errors.
llvm::Expected<Json> parseJson(llvm::StringRef text, llvm::StringRef name);

/// The member `key` of an object, or null when it is absent, `null`, or `value` no object.
const Json *member(const Json &value, const char *key);

/// A member's string, bool or integer, or the fallback where it is absent or of another type.
std::string stringOr(const Json &value, const char *key, llvm::StringRef fallback);
bool boolOr(const Json &value, const char *key, bool fallback);

/// The member `type` of an object; "" when it has none.
inline std::string typeOf(const Json &value) { return stringOr(value, "type", ""); }

/// A token id: a whole number in [0, MaxId].
constexpr int64_t MaxId = (int64_t(1) << 22) - 1;
std::optional<int32_t> idOf(const Json &value);

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_JSON_H
