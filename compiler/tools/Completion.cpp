//===- Completion.cpp - Shell completion from the option table -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Completes verbs, flags, values that can be listed, and file names for all else.
//===----------------------------------------------------------------------===//
#include "compiler/tools/OptionTable.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

namespace phic {
namespace {

/// In single quotes, which all three shells read alike but for quotes and backslashes inside.
std::string quoted(const std::string &text) {
  std::string result = "'";
  for (char c : text)
    result += c == '\'' ? "'\\''" : std::string(1, c);
  return result + "'";
}

std::string namesOf(const std::vector<VerbRow> &verbs) {
  return llvm::join(llvm::map_range(verbs, [](const VerbRow &verb) { return verb.name; }), " ");
}

std::string flagsOf(const std::vector<OptionRow> &options) {
  std::vector<std::string> flags;
  for (const OptionRow &row : options)
    flags.insert(flags.end(), row.names.begin(), row.names.end());
  return llvm::join(flags, " ");
}

/// Verbs are the words of `phic help VERB`, too.
bool takesVerb(const OptionRow &row) { return row.positional == "VERB"; }

//===----------------------------------------------------------------------===//
// bash
//===----------------------------------------------------------------------===//

std::string bashVerb(const VerbRow &verb, const std::string &verbNames) {
  std::string text = "  " + verb.name + ")\n    case \"$previous\" in\n";
  bool anyVerb = false;
  for (const OptionRow &row : verb.options) {
    anyVerb |= takesVerb(row);
    if (!row.names.empty() && !row.value.empty())
      text += "    " + llvm::join(row.names, "|") + ") " +
              (row.choices.empty()
                   ? "COMPREPLY=($(compgen -f -- \"$current\"))"
                   : "COMPREPLY=($(compgen -W " + quoted(llvm::join(row.choices, " ")) + " -- \"$current\"))") +
              "; return ;;\n";
  }
  text += "    esac\n    flags=" + quoted(flagsOf(verb.options)) + "\n";
  if (anyVerb)
    text += "    words=" + quoted(verbNames) + "\n";
  return text + "    ;;\n";
}

std::string bashScript(const std::vector<VerbRow> &verbs, const std::vector<OptionRow> &globals) {
  std::string text = R"(# bash completion for phic
_phic() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} flags= words=
  COMPREPLY=()
  # The = of --flag=value is a word of its own.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD-2]}
  fi
  if ((COMP_CWORD == 1)); then
)";
  text += "    COMPREPLY=($(compgen -W " + quoted(namesOf(verbs) + " " + flagsOf(globals)) +
          " -- \"$current\"))\n    return\n  fi\n";
  text += "  case ${COMP_WORDS[1]} in\n";
  for (const VerbRow &verb : verbs)
    text += bashVerb(verb, namesOf(verbs));
  return text + R"(  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  elif [[ $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _phic phic
)";
}

//===----------------------------------------------------------------------===//
// zsh
//===----------------------------------------------------------------------===//

/// Inside the brackets and colons of _arguments.
std::string zshText(const std::string &text) {
  std::string result;
  for (char c : text)
    result += (c == ':' || c == '[' || c == ']' || c == '\\') ? std::string("\\") + c : std::string(1, c);
  return result;
}

std::string zshValue(const OptionRow &row, const std::vector<VerbRow> &verbs) {
  if (takesVerb(row))
    return "(" + namesOf(verbs) + ")";
  return row.choices.empty() ? "_files" : "(" + llvm::join(row.choices, " ") + ")";
}

std::string zshScript(const std::vector<VerbRow> &verbs, const std::vector<OptionRow> &globals) {
  std::string text = "#compdef phic\n_phic() {\n  if ((CURRENT == 2)); then\n    local -a verbs=(\n";
  for (const VerbRow &verb : verbs)
    text += "      " + quoted(zshText(verb.name) + ":" + zshText(verb.description)) + "\n";
  text += "    )\n    _describe verb verbs\n    compadd -- " + flagsOf(globals) +
          "\n    return\n  fi\n  local verb=$words[2]\n"
          "  shift words\n  ((CURRENT--))\n  case $verb in\n";
  for (const VerbRow &verb : verbs) {
    text += "  " + verb.name + ")\n    _arguments";
    for (const OptionRow &row : verb.options) {
      const std::string value = row.value.empty() ? ""
                                                  : ":" + zshText(row.positional.empty() ? row.value : row.positional) +
                                                        ":" + zshValue(row, verbs);
      if (!row.positional.empty())
        text += " \\\n      " + quoted(":" + value);
      for (const std::string &name : row.names)
        text += " \\\n      " + quoted("*" + name + (!row.value.empty() && name.size() > 2 ? "=" : "") + "[" +
                                       zshText(row.description) + "]" + value);
    }
    text += " ;;\n";
  }
  return text + "  esac\n}\n_phic \"$@\"\n";
}

//===----------------------------------------------------------------------===//
// fish
//===----------------------------------------------------------------------===//

/// fish reads backslashes inside single quotes.
std::string fishQuoted(const std::string &text) {
  std::string result = "'";
  for (char c : text)
    result += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return result + "'";
}

std::string fishOption(const OptionRow &row, const std::string &condition) {
  std::string text = "complete -c phic -n " + fishQuoted(condition);
  for (const std::string &name : row.names)
    text += name.size() > 2 ? " -l " + name.substr(2) : " -s " + name.substr(1);
  if (!row.value.empty())
    text += " -r";
  if (!row.choices.empty())
    text += " -f -a " + fishQuoted(llvm::join(row.choices, " "));
  return text + " -d " + fishQuoted(row.description) + "\n";
}

std::string fishScript(const std::vector<VerbRow> &verbs, const std::vector<OptionRow> &globals) {
  std::string text = "# fish completion for phic\n";
  for (const VerbRow &verb : verbs)
    text +=
        "complete -c phic -f -n __fish_use_subcommand -a " + verb.name + " -d " + fishQuoted(verb.description) + "\n";
  for (const OptionRow &row : globals)
    text += fishOption(row, "__fish_use_subcommand");
  for (const VerbRow &verb : verbs)
    for (const OptionRow &row : verb.options) {
      const std::string condition = "__fish_seen_subcommand_from " + verb.name;
      if (!row.names.empty())
        text += fishOption(row, condition);
      else if (takesVerb(row))
        text += "complete -c phic -f -n " + fishQuoted(condition) + " -a " + fishQuoted(namesOf(verbs)) + "\n";
    }
  return text;
}

} // namespace

std::string completionScript(const std::vector<VerbRow> &verbs, const std::vector<OptionRow> &globals,
                             const std::string &shell) {
  return shell == "bash"  ? bashScript(verbs, globals)
         : shell == "zsh" ? zshScript(verbs, globals)
                          : fishScript(verbs, globals);
}

} // namespace phic
