//===- Tune.cpp - phic tune ------------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/tune/Tune.h"
#include "compiler/files/Console.h"
#include "compiler/tools/Choice.h"
#include "compiler/tools/CompileFlags.h"
#include "compiler/tools/Verbs.h"
#include <CLI/CLI.hpp>

namespace phic {

void addTuneVerb(CLI::App &app, ExitCode &result) {
  CLI::App *verb = app.add_subcommand("tune", "measure which sizes of tiles are fastest on this machine");
  auto options = std::make_shared<TuneOptions>();
  addModelFlags(*verb, options->build);
  verb->get_option("MODEL")->required();
  verb->add_option("-o,--output", options->output,
                   "file of tiles for phic build --tiles; what it says of other levels stays")
      ->required();
  verb->add_option("--cpu", options->build.cpu, "the CPU level to measure (default: this machine's best)");
  addPrecisionFlags(*verb, options->build);
  addPluginFlags(*verb, options->build.plugins);
  takesNumber(verb->add_option("--threads", options->threads, "threads (default: physical cores)"), 1, 256);
  takesNumber(verb->add_option("--repetitions", options->repetitions, "runs of each program; the median counts"), 1,
              1000)
      ->capture_default_str();
  takesNumber(verb->add_option("--prompt-tokens", options->promptTokens, "tokens of the prompt"), 1, int64_t(1) << 24)
      ->capture_default_str();
  takesNumber(verb->add_option("-n", options->decodeTokens, "tokens generated after it"), 2, int64_t(1) << 24)
      ->capture_default_str();
  verb->add_flag("-q,--quiet", options->build.quiet, "no progress");
  verb->callback([options, &result] {
    if (reportsArrive())
      result = tune(*options, reports(), messages());
  });
}

} // namespace phic
