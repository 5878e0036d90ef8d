//===- phic.cpp - The command line -----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// phic VERB: one file a verb in this folder, each declares its options and
// returns an exit code of Options.h.
//===----------------------------------------------------------------------===//
#include "compiler/Options.h"
#include "compiler/Version.h"
#include "compiler/files/Console.h"
#include "compiler/tools/ToolMain.h"
#include "compiler/tools/UsageErrors.h"
#include "compiler/tools/Verbs.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include <CLI/CLI.hpp>
#include <sstream>

using namespace phic;

namespace {

int run(int argc, char **argv) {
  CLI::App app("phic compiles quantized models to standalone native programs", "phic");
  app.set_version_flag("--version", "phic " PHIC_VERSION);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::help);

  ExitCode result = kExitSuccess;
  for (auto addVerb : {addBenchVerb, addBuildVerb, addCacheVerb, addCheckVerb, addHelpVerb, addInspectVerb, addTuneVerb,
                       addVerifyVerb})
    addVerb(app, result);

  auto verbs = app.get_subcommands([](CLI::App *) { return true; });
  auto isVerb = [&](CLI::App *verb) { return verb->get_name() == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && llvm::none_of(verbs, isVerb)) {
    std::vector<std::string> names;
    for (CLI::App *verb : verbs)
      names.push_back(verb->get_name());
    std::string meant = didYouMean(argv[1], names);
    messages() << "phic: error: unknown verb '" << argv[1] << "'"
               << (meant.empty() ? "; verbs are " + llvm::join(names, ", ") : meant) << "\n";
    return kExitUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    if (error.get_exit_code() == 0) {
      std::ostringstream text; // --help, --version
      app.exit(error, text, text);
      reports() << text.str();
      return kExitSuccess;
    }
    CLI::App *verb = app.get_subcommands().empty() ? &app : app.get_subcommands().front();
    messages() << "phic: error: " << usageMessage(app, *verb, error, std::vector<std::string>(argv + 1, argv + argc))
               << "\nsee '" << (verb == &app ? "phic" : "phic " + verb->get_name()) << " --help'\n";
    return kExitUsage;
  }
  return result;
}

} // namespace

int main(int argc, char **argv) { return runTool("phic", argc, argv, run); }
