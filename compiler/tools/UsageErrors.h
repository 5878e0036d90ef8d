//===- UsageErrors.h - Wrong command lines, in our words -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_TOOLS_USAGEERRORS_H
#define PHIC_COMPILER_TOOLS_USAGEERRORS_H

#include "compiler/Options.h"
#include "llvm/ADT/ArrayRef.h"
#include <string>
#include <vector>

namespace CLI {
class App;
class ParseError;
} // namespace CLI

namespace phic {

/// What was wrong with a command line: the flag, what was found, and what is accepted.
///
///     unknown flag --max-contxt; did you mean --max-context?
///     --act takes auto, f32, f16 or i8, not 'i4'
/// `arguments` are those behind the program's name.
std::string usageMessage(const CLI::App &app, const CLI::App &verb, const CLI::ParseError &error,
                         llvm::ArrayRef<std::string> arguments);

/// Complains, with an exit code, unless `path` is a file.
ExitCode requireFile(const std::string &path);

/// "; did you mean build?", or nothing where no name is near.
std::string didYouMean(const std::string &found, const std::vector<std::string> &known);

} // namespace phic

#endif // PHIC_COMPILER_TOOLS_USAGEERRORS_H
