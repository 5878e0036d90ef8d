//===- Build.cpp - phic build ----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Compiler.h"
#include "compiler/Pipeline.h"
#include "compiler/Plugin.h"
#include "compiler/files/Console.h"
#include "compiler/request/BuildRequest.h"
#include "compiler/tools/Choice.h"
#include "compiler/tools/CompileFlags.h"
#include "compiler/tools/Verbs.h"
#include "llvm/Support/Parallel.h"
#include <CLI/CLI.hpp>

namespace phic {
namespace {

struct BuildFlags {
  Options options;
  bool printPipeline = false;
  unsigned jobs = 0; ///< 0: one a processor
  std::vector<std::string> errors;
};

/// A flag for a phase, by its name.
void addPhaseFlag(CLI::App &verb, const char *flag, std::optional<Phase> &phase, const char *text) {
  std::vector<std::string> names;
  for (int i = 0; i < kPhaseCount; ++i)
    names.emplace_back(phaseName(Phase(i)));
  takesOneOf(verb.add_option_function<std::string>(
                 flag, [&phase](const std::string &name) { phase = phaseByName(name); }, text),
             names);
}

ExitCode printPipeline(const Options &options) {
  auto request = resolvePipeline(options);
  if (!request) {
    messages() << "phic: error: " << llvm::toString(request.takeError()) << "\n";
    return kExitUsage;
  }
  std::optional<PluginRegistry> plugins = loadPlugins(options.plugins, messages());
  if (!plugins)
    return kExitUsage;
  std::vector<const Target *> levels; // one of each family
  for (const Target *level : request->targets.front().levels)
    if (levels.empty() || levels.back()->family != level->family)
      levels.push_back(level);
  printPipeline(reports(), *request, levels, *plugins);
  return kExitSuccess;
}

ExitCode runBuild(BuildFlags &flags) {
  Options &options = flags.options;
  if (flags.printPipeline)
    return printPipeline(options);
  // LLVM's threads, and so MLIR's and the packer's, are the process's, not a compilation's.
  llvm::parallel::strategy = llvm::hardware_concurrency(flags.jobs);
  options.errorOnFallback = !flags.errors.empty();
  return compile(options, messages());
}

} // namespace

void addBuildVerb(CLI::App &app, ExitCode &result) {
  CLI::App *verb = app.add_subcommand("build", "compile a model to a standalone program");
  auto flags = std::make_shared<BuildFlags>();
  Options &o = flags->options;
  addModelFlags(*verb, o);
  addTargetFlags(*verb, o);
  verb->add_option(
      "--tiles", o.tilesFile,
      "sizes of tiles, a file that phic tune writes (default: each level's own, the same for every machine)");
  addPrecisionFlags(*verb, o);
  addPluginFlags(*verb, o.plugins);
  addOutputFlags(*verb, o);
  addCacheFlags(*verb, o);
  verb->add_flag_callback("--no-cache", [&o] { o.cacheDir.clear(); }, "no cache, whatever PHIC_CACHE_DIR says");
  takesNumber(verb->add_option("-j,--jobs", flags->jobs,
                               "threads to build with (default: one a processor); the output does not depend on them"),
              1, 1024);
  addPhaseFlag(*verb, "--stop-after", o.stopAfter, "write the IR after this phase and stop");
  addPhaseFlag(*verb, "--start-from", o.startFrom, "MODEL is IR; begin with this phase");
  verb->add_option("--model-dir", o.modelDirectory,
                   "with --start-from: folder of the weight files (default: the IR's folder)");
  verb->add_option("--dump-phases", o.dumpPhases, "write the IR after every phase into this folder");
  verb->add_flag("--print-pipeline", flags->printPipeline, "print phases and passes, and stop");
  takesOneOf(verb->add_option("--Werror", flags->errors,
                              "fallback: a kernel of generic or scalar code is an error, not a remark"),
             {"fallback"});
  verb->add_flag("-q,--quiet", o.quiet, "no summary");
  verb->callback([flags, verb, &result] {
    flags->options.spelledFlags = spelledFlags(*verb);
    result = runBuild(*flags);
  });
}

} // namespace phic
