//===- OptionTable.cpp - What the command line accepts, as data -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/tools/OptionTable.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"
#include <CLI/CLI.hpp>

namespace phic {
namespace {

/// CLI11 spells an option's type "TEXT:{auto,f32}", or "TEXT:exe|lib,..." where we described it so.
std::vector<std::string> choicesOf(llvm::StringRef type) {
  llvm::StringRef list =
      type.contains(":{") ? type.split(":{").second.split('}').first : type.split(':').second.split(",...").first;
  llvm::SmallVector<llvm::StringRef> words;
  list.split(words, type.contains(":{") ? ',' : '|', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  if (words.size() < 2 && !type.contains(":{"))
    return {}; // a range, a size: nothing to list
  return {words.begin(), words.end()};
}

std::string valueOf(const CLI::Option &option, const std::vector<std::string> &choices) {
  if (option.get_items_expected_max() == 0)
    return "";
  if (!choices.empty())
    return llvm::join(choices, "|");
  llvm::StringRef type = llvm::StringRef(option.get_type_name()).split(':').first;
  return type == "INT" || type == "UINT" ? "N" : type == "SIZE" ? "SIZE" : "VALUE";
}

OptionRow rowOf(const CLI::Option &option) {
  OptionRow row;
  const std::string type = option.get_type_name();
  if (option.get_positional())
    row.positional = option.get_name(/*positional=*/true);
  for (const std::string &name : option.get_snames())
    row.names.push_back("-" + name);
  for (const std::string &name : option.get_lnames())
    row.names.push_back("--" + name);
  row.choices = choicesOf(type);
  row.value = valueOf(option, row.choices);
  row.defaultValue = option.get_default_str();
  row.environment = option.get_envname();
  row.description = option.get_description();
  row.required = option.get_required();
  if (llvm::StringRef(type).contains("SIZE"))
    row.value = "SIZE";
  return row;
}

} // namespace

std::vector<OptionRow> globalOptions(const CLI::App &app) {
  std::vector<OptionRow> rows;
  for (bool positional : {true, false})
    for (const CLI::Option *option : app.get_options())
      if (option->get_positional() == positional && !option->get_group().empty())
        rows.push_back(rowOf(*option));
  return rows;
}

std::vector<VerbRow> optionTable(const CLI::App &app) {
  std::vector<VerbRow> verbs;
  for (const CLI::App *verb : app.get_subcommands([](const CLI::App *verb) { return !verb->get_group().empty(); }))
    verbs.push_back({verb->get_name(), verb->get_description(), globalOptions(*verb)});
  return verbs;
}

} // namespace phic
