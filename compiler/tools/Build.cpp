//===- Build.cpp - phic build ----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Compiler.h"
#include "compiler/Pipeline.h"
#include "compiler/Plugin.h"
#include "compiler/TilesFile.h"
#include "compiler/tools/CompileFlags.h"
#include "compiler/tools/Verbs.h"
#include "llvm/Support/Parallel.h"
#include "llvm/Support/raw_ostream.h"
#include <CLI/CLI.hpp>

namespace phic {
namespace {

struct BuildFlags {
  Options options;
  std::string stopAfter, startFrom;
  bool printPipeline = false;
  unsigned jobs = 0; ///< 0: one a processor
  std::vector<std::string> errors;
};

std::vector<std::string> phaseNames() {
  std::vector<std::string> names;
  for (int i = 0; i < kPhaseCount; ++i)
    names.emplace_back(phaseName(Phase(i)));
  return names;
}

ExitCode printPipeline(const Options &options) {
  std::optional<PluginRegistry> plugins = loadPlugins(options, llvm::errs());
  if (!plugins)
    return kExitUsage;
  printPipeline(llvm::outs(), options, *plugins);
  return kExitSuccess;
}

ExitCode runBuild(BuildFlags &flags) {
  Options &options = flags.options;
  if (flags.printPipeline) {
    return printPipeline(options);
  }
  if (options.model.empty()) {
    llvm::errs() << "phic: error: build needs a MODEL: a directory, an .onnx or a .gguf file\n";
    return kExitUsage;
  }
  if (!flags.stopAfter.empty())
    options.stopAfter = phaseByName(flags.stopAfter);
  if (!flags.startFrom.empty())
    options.startFrom = phaseByName(flags.startFrom);
  if (options.output.empty() && !options.stopAfter) {
    llvm::errs() << "phic: error: build needs -o FILE, the program to write\n";
    return kExitUsage;
  }
  if (!options.depfile.empty() && (options.output.empty() || options.output == "-")) {
    llvm::errs() << "phic: error: --depfile names what an output depends on, which needs -o FILE\n";
    return kExitUsage;
  }
  if (!options.tilesFile.empty()) {
    llvm::Expected<TilesOfLevels> tiles = readTilesFile(options.tilesFile);
    if (!tiles) {
      llvm::errs() << "phic: error: " << llvm::toString(tiles.takeError()) << "\n";
      return kExitUsage;
    }
    options.tiles = std::move(*tiles);
  }
  // LLVM's threads, and so MLIR's and the packer's, are the process's, not a compilation's.
  llvm::parallel::strategy = llvm::hardware_concurrency(flags.jobs);
  options.errorOnFallback = !flags.errors.empty();
  return compile(options, llvm::errs());
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
  addPluginFlags(*verb, o);
  addOutputFlags(*verb, o);
  addCacheFlags(*verb, o);
  verb->add_flag_callback("--no-cache", [&o] { o.cacheDir.clear(); }, "no cache, whatever PHIC_CACHE_DIR says");
  verb->add_option("-j,--jobs", flags->jobs,
                   "threads to build with (default: one a processor); the output does not depend on them")
      ->check(CLI::Range(1u, 1024u));
  verb->add_option("--stop-after", flags->stopAfter, "write the IR after this phase and stop")
      ->check(CLI::IsMember(phaseNames()));
  verb->add_option("--start-from", flags->startFrom, "MODEL is IR; begin with this phase")
      ->check(CLI::IsMember(phaseNames()));
  verb->add_option("--model-dir", o.modelDirectory,
                   "with --start-from: folder of the weight files (default: the IR's folder)");
  verb->add_option("--dump-phases", o.dumpPhases, "write the IR after every phase into this folder");
  verb->add_flag("--print-pipeline", flags->printPipeline, "print phases and passes, and stop");
  verb->add_option("--Werror", flags->errors, "fallback: a kernel of generic or scalar code is an error, not a remark")
      ->check(CLI::IsMember({"fallback"}));
  verb->add_flag("-q,--quiet", o.quiet, "no summary");
  verb->callback([flags, verb, &result] {
    flags->options.spelledFlags = spelledFlags(*verb);
    // A report is made anew each time: the cache has no more than the outputs.
    if (CLI::Option *report = verb->get_option_no_throw("--report"); report && report->count())
      flags->options.cacheDir.clear();
    result = runBuild(*flags);
  });
}

} // namespace phic
