//===- Flags.cpp - What all command lines share ------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Flags.h"

namespace phi {
namespace {

constexpr size_t kMostName = 24;

bool isOptional(const char *wanted) { return wanted[0] == '['; }

} // namespace

/// Levenshtein distance.
size_t typosBetween(Text a, Text b) {
  if (a.size > kMostName || b.size > kMostName)
    return kMostName;
  size_t row[kMostName + 1];
  for (size_t j = 0; j <= b.size; ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size; ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size; ++j) {
      size_t replaced = diagonal + (a.begin[i - 1] != b.begin[j - 1]);
      diagonal = row[j];
      size_t shorter = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
      row[j] = replaced < shorter ? replaced : shorter;
    }
  }
  return row[b.size];
}

Text nameBefore(const char *argument) {
  Text name = argument;
  for (size_t i = 0; i < name.size; ++i)
    if (name.begin[i] == '=')
      name.size = i;
  return name;
}

bool takeValue(const char *flag, const char *wanted, Arguments *arguments, const char **value, Writer &errors) {
  const char *argument = arguments->list[arguments->at];
  const size_t end = nameBefore(argument).size;
  const bool attached = argument[end] == '=';
  *value = attached ? argument + end + 1 : nullptr;
  if (!wanted && attached) {
    errors << flag << " takes no value, but got '" << *value << "'\n";
    return false;
  }
  if (!wanted || attached || isOptional(wanted))
    return true;
  if (arguments->at + 1 >= arguments->count) {
    errors << flag << " wants a value: " << flag << ' ' << wanted << '\n';
    return false;
  }
  *value = arguments->list[++arguments->at];
  return true;
}

bool takeInteger(const char *flag, const char *value, int64_t least, int64_t most, int64_t *number, Writer &errors) {
  if (parseInteger(value, number) && *number >= least && *number <= most)
    return true;
  errors << flag << " wants a whole number from " << least << " to " << most << ", not '" << value << "'\n";
  return false;
}

bool checkStats(const char *value, Writer &errors) {
  if (!value || Text(value) == "json")
    return true;
  errors << "--stats takes 'json' or nothing, not '" << value << "'\n";
  return false;
}

void printFlag(const char *flag, const char *wanted, const char *help, Writer &out) {
  constexpr size_t kHelpColumn = 22;
  size_t used = Text(flag).size;
  out << "  " << flag;
  if (wanted) {
    out << (isOptional(wanted) ? "" : " ") << wanted;
    used += Text(wanted).size + !isOptional(wanted);
  }
  for (; used < kHelpColumn; ++used)
    out << ' ';
  out << help << '\n';
}

} // namespace phi
