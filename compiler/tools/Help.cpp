//===- Help.cpp - phic help ------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/Console.h"
#include "compiler/files/OutputFile.h"
#include "compiler/tools/Choice.h"
#include "compiler/tools/OptionTable.h"
#include "compiler/tools/Verbs.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <CLI/CLI.hpp>

namespace phic {
namespace {

struct HelpFlags {
  std::string verb, completion, folder;
  bool man = false, table = false;
};

/// "build --max-context": a line each, for tests of the docs.
void printTable(const std::vector<VerbRow> &verbs) {
  for (const VerbRow &verb : verbs)
    for (const OptionRow &row : verb.options)
      if (!row.names.empty())
        reports() << verb.name << " " << row.names.back() << "\n";
}

/// All pages and scripts, where an installation's share/ has them.
llvm::Error writeShare(const std::vector<VerbRow> &verbs, const std::vector<OptionRow> &globals,
                       const std::string &folder) {
  std::vector<std::pair<std::string, std::string>> files = {
      {"man/man1/phic.1", manPage(verbs, globals, "")},
      {"bash-completion/completions/phic", completionScript(verbs, globals, "bash")},
      {"zsh/site-functions/_phic", completionScript(verbs, globals, "zsh")},
      {"fish/vendor_completions.d/phic.fish", completionScript(verbs, globals, "fish")}};
  for (const VerbRow &verb : verbs)
    files.emplace_back("man/man1/phic-" + verb.name + ".1", manPage(verbs, globals, verb.name));
  InputFiles none;
  OutputFiles planned(none, {});
  for (const auto &[name, text] : files) {
    const std::string path = folder + "/" + name;
    if (std::error_code code = llvm::sys::fs::create_directories(llvm::sys::path::parent_path(path)))
      return cannotWrite(path, code);
    if (llvm::Error failure = writeWhole(path, text, planned))
      return failure;
  }
  return llvm::Error::success();
}

/// App::help() of phic itself would be that of the verb which is running, `help`.
void printHelp(const CLI::App &app, const std::string &verb) {
  if (verb.empty())
    reports() << app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal);
  else
    reports() << app.get_subcommand(verb)->help(app.get_name());
}

ExitCode runHelp(CLI::App &app, const HelpFlags &flags) {
  const std::vector<VerbRow> verbs = optionTable(app);
  if (!flags.verb.empty() && llvm::none_of(verbs, [&](const VerbRow &row) { return row.name == flags.verb; })) {
    messages() << "phic: error: no verb '" << flags.verb << "' to help with; verbs are "
               << llvm::join(llvm::map_range(verbs, [](const VerbRow &row) { return row.name; }), " ") << "\n";
    return kExitUsage;
  }
  if (!flags.folder.empty()) {
    if (llvm::Error failure = writeShare(verbs, globalOptions(app), flags.folder)) {
      messages() << "phic: error: " << llvm::toString(std::move(failure)) << "\n";
      return kExitUsage;
    }
    return kExitSuccess;
  }
  if (flags.man)
    reports() << manPage(verbs, globalOptions(app), flags.verb);
  else if (!flags.completion.empty())
    reports() << completionScript(verbs, globalOptions(app), flags.completion);
  else if (flags.table)
    printTable(verbs);
  else
    printHelp(app, flags.verb);
  return kExitSuccess;
}

} // namespace

void addHelpVerb(CLI::App &app, ExitCode &result) {
  CLI::App *verb = app.add_subcommand("help", "explain a verb; write man pages and shell completion");
  auto flags = std::make_shared<HelpFlags>();
  verb->add_option("VERB", flags->verb, "what to explain (default: phic itself)");
  auto *man = verb->add_flag("--man", flags->man, "as a man page, in roff");
  takesOneOf(verb->add_option("--completion", flags->completion, "completion script for a shell"),
             {"bash", "zsh", "fish"})
      ->excludes(man);
  verb->add_flag("--table", flags->table, "every flag of every verb, a line each")->group("");
  verb->add_option("--write", flags->folder, "all pages and scripts, into this share folder")->group("");
  verb->callback([flags, &app, &result] { result = runHelp(app, *flags); });
}

} // namespace phic
