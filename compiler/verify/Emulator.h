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

/// What plays a machine that this one is not. It comes with phic: with the libraries and in share/phic/emulators of an
/// installation, in the trees that phic is built in and from.
class Emulator {
public:
  /// Whether there is one that plays a machine of that level.
  static bool plays(const Target &level);
  /// For a level that this machine lacks; an error that says what is missing.
  static llvm::Expected<Emulator> find(const Target &level);

  /// A whole machine, with AVX-512, runs one x86-64 program in one thread to its end. Else it is a driver, which a program
  /// of this machine finds by its environment.
  bool isMachine() const { return kind == Kind::Machine; }
  /// Of a machine, what to execute: it ends with the exit code of `words` (a program and its arguments), whose descriptor 3
  /// is the new file `file`.
  std::vector<std::string> command(llvm::ArrayRef<std::string> words, const std::string &file) const;
  /// Of a driver, what is different for the program: NAME=VALUE.
  std::vector<std::string> environment() const;

private:
  enum class Kind : uint8_t { Machine, Driver };
  Emulator(Kind kind, std::string path) : kind(kind), path(std::move(path)) {}
  static Kind kindFor(const Target &level);

  Kind kind;
  std::string path; ///< of the machine's script, of the driver's folder
};

} // namespace phic

#endif // PHIC_COMPILER_VERIFY_EMULATOR_H
