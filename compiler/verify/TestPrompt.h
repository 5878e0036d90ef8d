//===- TestPrompt.h - Tokens to run a program with -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_VERIFY_TESTPROMPT_H
#define PHIC_COMPILER_VERIFY_TESTPROMPT_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <string>
#include <vector>

namespace phic {

/// Ids spread over the vocabulary, the same on every machine.
std::vector<int32_t> makePrompt(int64_t length, uint32_t vocab);

/// As a program's --tokens takes them.
std::string tokensText(llvm::ArrayRef<int32_t> tokens);

} // namespace phic

#endif // PHIC_COMPILER_VERIFY_TESTPROMPT_H
