//===- JsonFields.h - What tokenizers ask of JSON --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_TOKENIZER_JSONFIELDS_H
#define PHIC_COMPILER_TOKENIZER_JSONFIELDS_H

#include "compiler/files/Json.h"
#include "llvm/ADT/Twine.h"

namespace phic::tokenizer {

/// An error whose text is a user's diagnostic.
inline llvm::Error fail(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

/// The member `type` of an object; "" when it has none.
inline std::string typeOf(const Json &value) { return stringOr(value, "type", ""); }

/// A token id: a whole number in [0, MaxId].
constexpr int64_t MaxId = (int64_t(1) << 22) - 1;
inline std::optional<int32_t> idOf(const Json &value) {
  const std::optional<int32_t> id = integerOf<int32_t>(value);
  return id && *id >= 0 && *id <= MaxId ? id : std::nullopt;
}

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_JSONFIELDS_H
