//===- Emulator.h - Runs programs of other machines ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_VERIFY_EMULATOR_H
#define PHIC_COMPILER_VERIFY_EMULATOR_H

#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace phic {

/// What runs `program` on this machine: its path, or an emulator's words and then its path. An error in words when it
/// is for another machine whose emulator is not installed.
llvm::Expected<std::vector<std::string>> commandFor(const std::string &program);

} // namespace phic

#endif // PHIC_COMPILER_VERIFY_EMULATOR_H
