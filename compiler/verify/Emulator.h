//===- Emulator.h - Runs programs of other machines ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_VERIFY_EMULATOR_H
#define PHIC_COMPILER_VERIFY_EMULATOR_H

#include "targets/Target.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace phic {

/// What runs `program` on this machine: its path, or an emulator's words and then its path. An error in words when it
/// is for another machine whose emulator is not installed.
llvm::Expected<std::vector<std::string>> commandFor(const std::string &program);

/// A whole machine with AVX-512, which runs one x86-64 program in one thread. It comes with phic: in share/phic/emulators
/// of an installation, in test/emulators of the source tree.
class Avx512Emulator {
public:
  /// Whether it is a machine of that level.
  static bool plays(const Target &level);
  /// For a level of x86-64 that this machine lacks; an error that says what is missing.
  static llvm::Expected<Avx512Emulator> find(const Target &level);

  /// What to execute: it ends with the exit code of `words` (a program and its arguments), whose descriptor 3 is the
  /// new file `file`.
  std::vector<std::string> command(llvm::ArrayRef<std::string> words, const std::string &file) const;

private:
  explicit Avx512Emulator(std::string path) : path(std::move(path)) {}
  std::string path;
};

} // namespace phic

#endif // PHIC_COMPILER_VERIFY_EMULATOR_H
