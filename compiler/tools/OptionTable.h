//===- OptionTable.h - What the command line accepts, as data --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Read off the CLI11 objects that parse the command line, so that help, man pages,
// completion and the tests of the docs cannot differ from what is accepted.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOOLS_OPTIONTABLE_H
#define PHIC_COMPILER_TOOLS_OPTIONTABLE_H

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace phic {

struct OptionRow {
  std::vector<std::string> names;    ///< "-o", "--output"; empty for a positional
  std::string positional;            ///< "MODEL"
  std::string value;                 ///< "auto|f32|f16|i8", "N", "FILE", ...; empty: takes none
  std::vector<std::string> choices;  ///< all values that are accepted, where they can be listed
  std::string defaultValue, environment, description;
  bool required = false;
};

struct VerbRow {
  std::string name, description;
  std::vector<OptionRow> options;    ///< positionals first
};

/// Every verb in the order in which it was added; hidden options and verbs are left out.
std::vector<VerbRow> optionTable(const CLI::App &app);
/// The options before a verb.
std::vector<OptionRow> globalOptions(const CLI::App &app);

/// The page of phic(1), with an empty verb, or of phic-VERB(1), in roff.
std::string manPage(const std::vector<VerbRow> &verbs, const std::vector<OptionRow> &globals, const std::string &verb);

/// A completion script for "bash", "zsh" or "fish".
std::string completionScript(const std::vector<VerbRow> &verbs, const std::vector<OptionRow> &globals,
                             const std::string &shell);

} // namespace phic

#endif // PHIC_COMPILER_TOOLS_OPTIONTABLE_H
