//===- Verify.cpp - phic verify --------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/Verify.h"
#include "compiler/files/Console.h"
#include "compiler/tools/Choice.h"
#include "compiler/tools/CompileFlags.h"
#include "compiler/tools/UsageErrors.h"
#include "compiler/tools/Verbs.h"
#include <CLI/CLI.hpp>

namespace phic {

void addVerifyVerb(CLI::App &app, ExitCode &result) {
  CLI::App *verb = app.add_subcommand("verify", "run a program stage by stage against the interpreter");
  auto options = std::make_shared<VerifyOptions>();
  verb->add_option("PROGRAM", options->program, "a program made by phic build")->required();
  verb->add_option("--model", options->model, "the model it was made from: checks the packed weights too");
  takesNumber(verb->add_option("--tokens", options->tokens,
                               "token ids of the prompt to run (default: prompts for every entry point)")
                  ->delimiter(','),
              0, INT32_MAX);
  takesNumber(verb->add_option("-n", options->generate, "tokens decoded after each prompt"), 0, int64_t(1) << 24)
      ->capture_default_str();
  verb->add_option("--device", options->device, "the program's --device (default: that of its first plan)");
  takesNumber(verb->add_option("--threads", options->threads, "threads of the program"), 1, 256)->capture_default_str();
  addPluginFileFlags(*verb, options->plugins);
  verb->add_option("--cpu-variant", options->cpuVariant,
                   "CPU level whose code to run, on an emulator where this machine lacks it "
                   "(default: the one that the program chooses)");
  verb->add_flag("--list-stages", options->listStages, "print every stage with its worst element");
  verb->callback([options, &result] {
    result = requireFile(options->program);
    if (!result && reportsArrive())
      result = verify(*options, reports(), messages());
  });
}

} // namespace phic
