//===- ManPage.cpp - Manual pages from the option table --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Version.h"
#include "compiler/tools/OptionTable.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace phic {
namespace {

/// What roff would read as its own: backslashes, hyphens that are minus signs, and a dot or quote that begins a line.
std::string escaped(const std::string &text) {
  std::string result;
  for (char c : text)
    result += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
  return !result.empty() && (result[0] == '.' || result[0] == '\'') ? "\\&" + result : result;
}

std::string bold(const std::string &text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string italic(const std::string &text) { return "\\fI" + escaped(text) + "\\fR"; }

std::string optionItem(const OptionRow &row) {
  std::vector<std::string> names;
  for (const std::string &name : row.names)
    names.push_back(bold(name));
  std::string text = ".TP\n" + (row.positional.empty() ? llvm::join(names, ", ") : italic(row.positional));
  if (!row.value.empty() && row.positional.empty())
    text += " " + italic(row.value);
  text += "\n" + escaped(row.description);
  if (!row.defaultValue.empty())
    text += "\n.br\nDefault: " + bold(row.defaultValue) + ".";
  if (!row.environment.empty())
    text += "\n.br\nFrom the environment: " + bold(row.environment) + ".";
  return text + "\n";
}

std::string head(const std::string &name, const std::string &description) {
  return ".TH " + llvm::StringRef(name).upper() + " 1 \"\" \"phic " PHIC_VERSION "\" \"phic\"\n.SH NAME\n" +
         escaped(name) + " \\- " + escaped(description) + "\n.SH SYNOPSIS\n";
}

std::string options(const std::vector<OptionRow> &rows) {
  std::string text = ".SH OPTIONS\n";
  for (const OptionRow &row : rows)
    text += optionItem(row);
  return text;
}

std::string foot(const std::vector<std::string> &others) {
  std::string text =
      ".SH EXIT STATUS\n.TP\n0\nFine.\n.TP\n1\nWrong use: flags, paths.\n.TP\n2\nThe model is unsupported or "
      "invalid, or does not fit.\n.TP\n3\nphic's own fault; a file that reproduces it is named.\n.SH SEE ALSO\n";
  std::vector<std::string> pages;
  for (const std::string &other : others)
    pages.push_back(bold(other) + "(1)");
  return text + llvm::join(pages, ",\n") + "\n";
}

std::string mainPage(const std::vector<VerbRow> &verbs, const std::vector<OptionRow> &globals) {
  std::string text = head("phic", "compile quantized models to standalone native programs");
  text += bold("phic") + " " + italic("VERB") + " [" + italic("OPTIONS") + "]\n.br\n" + bold("phic help") + " [" +
          italic("VERB") + "]\n.SH VERBS\n";
  std::vector<std::string> others;
  for (const VerbRow &verb : verbs) {
    text += ".TP\n" + bold(verb.name) + "\n" + escaped(verb.description) + "\n";
    others.push_back("phic-" + verb.name);
  }
  return text + options(globals) + foot(others);
}

std::string verbPage(const VerbRow &verb) {
  std::string text =
      head("phic-" + verb.name, verb.description) + bold("phic " + verb.name) + " [" + italic("OPTIONS") + "]";
  for (const OptionRow &row : verb.options)
    if (!row.positional.empty())
      text += row.required ? " " + italic(row.positional) : " [" + italic(row.positional) + "]";
  return text + "\n.SH DESCRIPTION\n" + escaped(verb.description) + "\n" + options(verb.options) + foot({"phic"});
}

} // namespace

std::string manPage(const std::vector<VerbRow> &verbs, const std::vector<OptionRow> &globals, const std::string &verb) {
  if (verb.empty())
    return mainPage(verbs, globals);
  auto found = llvm::find_if(verbs, [&](const VerbRow &row) { return row.name == verb; });
  assert(found != verbs.end() && "the verb was checked");
  return verbPage(*found);
}

} // namespace phic
