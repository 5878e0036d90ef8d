//===- Flags.h - What all command lines share ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A command line is a table of flags, `--name VALUE` or `--name=VALUE`; what each means is
// its own program's. Whatever cannot be honoured is an error of one sentence.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_FLAGS_H
#define PHI_RUNTIME_FLAGS_H

#include "Writer.h"

namespace phi {

/// A row of a program's table. A value in brackets, "[=json]", may be left out: it must follow an equals sign.
template <typename Id> struct FlagRow {
  Id id;
  const char *name;
  const char *value;  ///< nullptr: takes none
  const char *help;
};

/// `argument` up to its first equals sign.
Text nameBefore(const char *argument);

/// The arguments, as far as they have been taken.
struct Arguments {
  int count;
  const char *const *list;
  int at = 1;
};

/// The value of the flag at arguments.at, attached or the next argument; nullptr where none is taken.
bool takeValue(const char *flag, const char *wanted, Arguments *arguments, const char **value, Writer &errors);
/// A whole number in [least, most].
bool takeInteger(const char *flag, const char *value, int64_t least, int64_t most, int64_t *number, Writer &errors);
/// --stats: 'json', or no value.
bool checkStats(const char *value, Writer &errors);

/// What --licenses prints.
extern const char *const kLicenses;

/// How many characters have to be put in, left out or changed; many for what is too long to be a flag.
size_t typosBetween(Text a, Text b);

/// The sentence about a flag that no row has, with the one that was probably meant; false.
template <typename Row, size_t N> bool refuseUnknown(Text name, const Row (&flags)[N], Writer &errors) {
  constexpr size_t kMostTypos = 2;
  const char *meant = nullptr;
  size_t least = kMostTypos + 1;
  for (const Row &flag : flags)
    if (size_t typos = typosBetween(name, flag.name); typos < least && typos < name.size - 1) {
      least = typos;
      meant = flag.name;
    }
  errors << "unknown flag " << name;
  if (meant)
    errors << "; did you mean " << meant << "?\n";
  else
    errors << "; --help lists all\n";
  return false;
}

/// A line of --help.
void printFlag(const char *flag, const char *wanted, const char *help, Writer &out);

} // namespace phi

#endif // PHI_RUNTIME_FLAGS_H
