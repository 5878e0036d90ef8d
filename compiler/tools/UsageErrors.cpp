//===- UsageErrors.cpp - Wrong command lines, in our words -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// CLI11 knows what is wrong and says it in its own manner: "--act: i4 not in
// {auto,f32}". Here the parts become sentences like phic's other messages.
//===----------------------------------------------------------------------===//
#include "compiler/tools/UsageErrors.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <CLI/CLI.hpp>
#include <regex>

namespace phic {
namespace {

std::vector<std::string> flagsOf(const CLI::App &verb) {
  std::vector<std::string> names;
  for (const CLI::Option *option : verb.get_options())
    for (const std::string &name : option->get_lnames())
      names.push_back("--" + name);
  return names;
}

/// "{auto,f32,i8}" -> "auto, f32 or i8".
std::string choices(llvm::StringRef set) {
  std::string text = set.trim("{}").str();
  for (size_t at = text.find(','); at != std::string::npos; at = text.find(',', at + 2))
    text.replace(at, 1, ", ");
  if (size_t last = text.rfind(", "); last != std::string::npos)
    text.replace(last, 2, " or ");
  return text;
}

/// Of arguments that no option takes: the message ends with them.
std::string unexpected(const CLI::App &verb, const std::string &message) {
  const std::string arguments = message.substr(message.find(": ") + 2),
                    first = arguments.substr(0, arguments.find(' '));
  if (first.empty() || first[0] != '-')
    return "unexpected argument '" + first + "'";
  std::string name = first.substr(0, first.find('='));
  const std::vector<std::string> known = flagsOf(verb);
  if (std::find(known.begin(), known.end(), name) != known.end())
    return "flag " + name + " stands before the verb; it goes behind '" + verb.get_name() + "'";
  return "unknown flag " + name + didYouMean(name, known);
}

/// A validator's message: "--flag: what it says".
std::string invalid(const std::string &message) {
  std::smatch part;
  static const std::regex notIn(R"((\S+): (.*) not in (\{.*\}))"),
      outside(R"((\S+): Value (.*) not in range (.*) to (.*))");
  if (std::regex_match(message, part, outside))
    return part[1].str() + " takes a number from " + part[3].str() + " to " + part[4].str() + ", not '" +
           part[2].str() + "'";
  if (std::regex_match(message, part, notIn))
    return part[1].str() + " takes " + choices(part[3].str()) + ", not '" + part[2].str() + "'";
  static const std::regex kind(R"re((\S+): Check (.*) value in \{([^}]*)\}[^]*)re"),
      unit(R"((\S+): (.*) unit not recognized.*)");
  if (std::regex_match(message, part, kind))
    return part[1].str() + " takes " + choices(std::regex_replace(part[3].str(), std::regex("->[^,]*"), "")) +
           ", not '" + part[2].str() + "'";
  if (std::regex_match(message, part, unit))
    return part[1].str() + " takes a size such as 500M or 2GiB, not '" + part[2].str() + "'";
  static const std::regex own(R"((\S+): (takes .*))");
  return std::regex_match(message, part, own) ? part[1].str() + " " + part[2].str() : message;
}

/// Too few or too many values: "--flag: 1 required TEXT missing", "--flag: At Most 1 required but received 2".
std::string mismatch(const std::string &message) {
  std::smatch part;
  static const std::regex missing(R"((\S+): \d+ required .* missing)"),
      repeated(R"((\S+): At Most 1 required but received (\d+))");
  if (std::regex_match(message, part, missing))
    return part[1].str() + " wants a value";
  if (std::regex_match(message, part, repeated))
    return part[1].str() + " is given " + part[2].str() + " times";
  return message;
}

unsigned farthest(const std::string &name) { return std::max(2u, unsigned(name.size()) / 3); }

} // namespace

ExitCode requireFile(const std::string &path) {
  if (llvm::sys::fs::exists(path) && !llvm::sys::fs::is_directory(path))
    return kExitSuccess;
  llvm::errs() << "phic: error: " << (llvm::sys::fs::exists(path) ? "not a program but a folder: " : "no such file: ")
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

std::string usageMessage(const CLI::App &verb, const CLI::ParseError &error) {
  const std::string message = error.what();
  if (dynamic_cast<const CLI::ExtrasError *>(&error))
    return unexpected(verb, message);
  if (dynamic_cast<const CLI::ValidationError *>(&error))
    return invalid(message);
  if (dynamic_cast<const CLI::ArgumentMismatch *>(&error))
    return mismatch(message);
  std::smatch part;
  static const std::regex required(R"((\S+) is required)"), conversion(R"(Could not convert: (\S+) = (.*))");
  if (std::regex_match(message, part, required))
    return verb.get_name() + " needs " + (part[1].str()[0] == '-' ? "" : "a ") + part[1].str();
  if (std::regex_match(message, part, conversion))
    return part[1].str() + " takes a number, not '" + part[2].str() + "'";
  return message;
}

} // namespace phic
