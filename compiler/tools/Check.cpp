//===- Check.cpp - phic check ----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/check/Check.h"
#include "compiler/check/CheckPrinter.h"
#include "compiler/files/Console.h"
#include "compiler/tools/Choice.h"
#include "compiler/tools/CompileFlags.h"
#include "compiler/tools/Verbs.h"
#include "targets/Backend.h"
#include "llvm/ADT/STLExtras.h"
#include <CLI/CLI.hpp>

namespace phic {
namespace {

struct CheckFlags {
  Options options;
  CheckOptions check;
  bool json = false;
};

ExitCode runCheck(const CheckFlags &flags) {
  auto request = resolveCheck(flags.options);
  if (!request) {
    messages() << "phic: error: " << llvm::toString(request.takeError()) << "\n";
    return kExitUsage;
  }
  CheckReport report = check(*request, flags.check);
  if (flags.json) {
    printJson(report, reports());
    return report.code;
  }
  printText(report, reports());
  reports().flush();
  printFindings(report, messages());
  return report.code;
}

} // namespace

namespace {

/// The words of the choice, and the machines that a family knows.
void addMachineFlag(CLI::App &verb, CheckOptions &check) {
  std::vector<std::string> words(std::begin(kMachineChoices), std::end(kMachineChoices));
  for (const Backend *backend : allBackends())
    for (const KnownMachine &machine : backend->machines())
      words.emplace_back(machine.name);
  auto choose = [&check](const std::string &word) {
    if (const auto *choice = llvm::find(kMachineChoices, word); choice != std::end(kMachineChoices))
      check.machine = MachineChoice(choice - std::begin(kMachineChoices));
    else
      check.knownMachine = word;
  };
  takesOneOf(verb.add_option_function<std::string>(
                 "--machine", choose,
                 "whose speed limits to predict with: this one's, measured, or the reference machine's; auto is this "
                 "if it can run the program; a device is predicted with its reference, or the one that is named"),
             words)
      ->default_str("auto");
}

} // namespace

void addCheckVerb(CLI::App &app, ExitCode &result) {
  CLI::App *verb = app.add_subcommand("check", "say everything about a model, and build nothing");
  auto flags = std::make_shared<CheckFlags>();
  addModelFlags(*verb, flags->options);
  addTargetFlags(*verb, flags->options);
  addPrecisionFlags(*verb, flags->options);
  addPluginFlags(*verb, flags->options.plugins);
  takesNumber(verb->add_option("--ctx", flags->check.context,
                               "tokens to predict memory and speed for (default: those of a program without --ctx)"),
              1, int64_t(1) << 24);
  takesNumber(
      verb->add_option("--threads", flags->check.threads,
                       "threads to predict for (default: this machine's cores, or those of the reference machine)"),
      1, 256);
  addMachineFlag(*verb, flags->check);
  verb->add_flag("--json", flags->json, "one JSON object on standard output");
  verb->callback([flags, &result] { result = runCheck(*flags); });
}

} // namespace phic
