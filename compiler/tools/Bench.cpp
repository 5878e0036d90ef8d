//===- Bench.cpp - phic bench ----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/bench/Bench.h"
#include "compiler/files/Console.h"
#include "compiler/tools/Choice.h"
#include "compiler/tools/CompileFlags.h"
#include "compiler/tools/Verbs.h"
#include <CLI/CLI.hpp>

namespace phic {

void addBenchVerb(CLI::App &app, ExitCode &result) {
  CLI::App *verb = app.add_subcommand("bench", "measure a program's speed beside what this machine allows");
  auto options = std::make_shared<BenchOptions>();
  verb->add_option("PROGRAM", options->program, "a program made by phic build")->required();
  takesNumber(verb->add_option("--prompt-tokens", options->promptTokens,
                               "tokens of the prompt (default: 512, or what the program's context leaves)"),
              1, int64_t(1) << 24);
  takesNumber(verb->add_option("-n", options->decodeTokens, "tokens generated after it (default: 128)"), 2,
              int64_t(1) << 24);
  verb->add_option("--device", options->device, "the program's --device (default: that of its first plan)");
  takesNumber(verb->add_option("--threads", options->threads, "threads (default: physical cores)"), 1, 256);
  takesNumber(verb->add_option("--repetitions", options->repetitions, "runs for the speed; the median counts"), 1, 1000)
      ->capture_default_str();
  addPluginFileFlags(*verb, options->plugins);
  verb->add_flag("--list-stages", options->listStages, "every stage by itself, not put together over the layers");
  verb->add_flag("--json", options->json, "one JSON object on standard output");
  verb->callback([options, &result] {
    if (reportsArrive())
      result = bench(*options, reports(), messages());
  });
}

} // namespace phic
