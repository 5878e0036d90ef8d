//===- UsageErrors.cpp - Wrong command lines, in our words -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CLI11 says which kind of thing is wrong; what it was is read off its options and the
// arguments, never off its own sentences.
//===----------------------------------------------------------------------===//
#include "compiler/tools/UsageErrors.h"
#include "compiler/files/Console.h"
#include "compiler/tools/Choice.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"

namespace phic {
namespace {

std::vector<std::string> flagsOf(const CLI::App &verb) {
  std::vector<std::string> names;
  for (const CLI::Option *option : verb.get_options())
    for (const std::string &name : option->get_lnames())
      names.push_back("--" + name);
  return names;
}

/// Of what no option takes.
std::string unexpected(const CLI::App &verb, const std::string &argument) {
  if (argument.empty() || argument[0] != '-')
    return "unexpected argument '" + argument + "'";
  std::string name = argument.substr(0, argument.find('='));
  const std::vector<std::string> known = flagsOf(verb);
  if (llvm::is_contained(known, name))
    return "flag " + name + " stands before the verb; it goes behind '" + verb.get_name() + "'";
  return "unknown flag " + name + didYouMean(name, known);
}

/// The first option of which `is` holds.
template <typename Is> const CLI::Option *optionThat(const CLI::App &verb, Is is) {
  for (const CLI::Option *option : verb.get_options())
    if (is(*option))
      return option;
  return nullptr;
}

/// An option that may be given once and is given again; a value that is missing can only be at the end.
std::string mismatch(const CLI::App &verb, const std::string &last) {
  const CLI::Option *repeated = optionThat(verb, [](const CLI::Option &option) {
    return int(option.count()) > std::max(option.get_items_expected_max(), 1);
  });
  if (repeated)
    return repeated->get_name() + " is given " + std::to_string(repeated->count()) + " times";
  return last.substr(0, last.find('=')) + " wants a value";
}

/// Two options that exclude each other.
std::string excluded(const CLI::App &verb) {
  for (const CLI::Option *option : verb.get_options())
    for (const CLI::Option *other : option->get_excludes())
      if (option->count() > 0 && other->count() > 0)
        return option->get_name() + " and " + other->get_name() + " exclude each other";
  return "two flags exclude each other";
}

std::string missing(const CLI::App &verb) {
  const CLI::Option *required =
      optionThat(verb, [](const CLI::Option &option) { return option.get_required() && option.count() == 0; });
  if (!required)
    return "a verb is missing";
  return verb.get_name() + " needs " + (required->get_positional() ? "a " : "") + required->get_name();
}

/// A flag that takes nothing: "--quiet=maybe".
std::string needless(const CLI::App &verb, llvm::ArrayRef<std::string> arguments) {
  for (const std::string &argument : arguments) {
    const std::string name = argument.substr(0, argument.find('='));
    if (name != argument && optionThat(verb, [&](const CLI::Option &option) {
          return option.check_name(name) && option.get_items_expected_max() == 0;
        }))
      return name + " takes no value";
  }
  return "a value cannot be read";
}

unsigned farthest(const std::string &name) { return std::max(2u, unsigned(name.size()) / 3); }

} // namespace

ExitCode requireFile(const std::string &path) {
  if (llvm::sys::fs::exists(path) && !llvm::sys::fs::is_directory(path))
    return kExitSuccess;
  messages() << "phic: error: " << (llvm::sys::fs::exists(path) ? "not a program but a folder: " : "no such file: ")
             << path << "\n";
  return kExitUsage;
}

std::string didYouMean(const std::string &found, const std::vector<std::string> &known) {
  const std::string *nearest = nullptr;
  unsigned least = farthest(found) + 1;
  for (const std::string &name : known)
    if (unsigned distance = llvm::StringRef(found).edit_distance(name); distance < least) {
      least = distance;
      nearest = &name;
    }
  return nearest ? "; did you mean " + *nearest + "?" : "";
}

std::string usageMessage(const CLI::App &app, const CLI::App &verb, const CLI::ParseError &error,
                         llvm::ArrayRef<std::string> arguments) {
  if (dynamic_cast<const UsageError *>(&error))
    return error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch *>(&error))
    return mismatch(verb, arguments.back());
  if (dynamic_cast<const CLI::ExcludesError *>(&error))
    return excluded(verb);
  if (dynamic_cast<const CLI::ConversionError *>(&error))
    return needless(verb, arguments);
  if (const std::vector<std::string> rest = app.remaining(/*recurse=*/true); !rest.empty())
    return unexpected(verb, rest.front());
  return missing(verb);
}

} // namespace phic
