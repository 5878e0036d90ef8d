//===- TestPrompt.cpp - Tokens to run a program with -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/TestPrompt.h"

namespace phic {

std::vector<int32_t> makePrompt(int64_t length, uint32_t vocab) {
  std::vector<int32_t> tokens;
  uint64_t state = 0x9e3779b97f4a7c15;
  for (int64_t i = 0; i < length; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    tokens.push_back(int32_t((state >> 33) % vocab));
  }
  return tokens;
}

std::string tokensText(llvm::ArrayRef<int32_t> tokens) {
  std::string text;
  for (int32_t token : tokens)
    text += (text.empty() ? "" : ",") + std::to_string(token);
  return text;
}

} // namespace phic
