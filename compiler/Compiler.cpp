//===- Compiler.cpp - From a model to a program ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Around a compilation: the cache, which may do without it, and the depfile.
//===----------------------------------------------------------------------===//
#include "compiler/Compilation.h"
#include "compiler/Depfile.h"
#include "compiler/SystemOptions.h"
#include "compiler/cache/CompileCache.h"

namespace phic {

namespace {

ExitCode usageError(llvm::raw_ostream &log, llvm::Error failure) {
  log << "phic: error: " << llvm::toString(std::move(failure)) << "\n";
  return kExitUsage;
}

} // namespace

ExitCode compile(const Options &options, llvm::raw_ostream &log) { return compile(options, log, PluginRegistry()); }

ExitCode compile(const Options &options, llvm::raw_ostream &log, const PluginRegistry &plugins) {
  std::optional<Depfile> depfile;
  if (!options.depfile.empty()) {
    auto created = Depfile::create(options.depfile);
    if (!created)
      return usageError(log, created.takeError());
    depfile.emplace(std::move(*created));
  }
  InputFiles inputs;
  auto compileAnew = [&](llvm::raw_ostream &log) { return Compilation(options, inputs, log, plugins).run(); };
  // The cache knows the plugins of the options, which are files; not those of the calling program.
  bool isCached = wantsCache(options) && plugins.isIdle();
  PluginRegistry loaded;
  if (isCached)
    loadPlugins(options, loaded); // for their importers; of what is wrong with them the compilation tells
  if (ExitCode code =
          isCached ? compileCached(options, loaded.importers(), inputs, log, compileAnew) : compileAnew(log))
    return code;
  if (!depfile)
    return kExitSuccess;
  auto outputs = pathsOfSystems(options);
  if (!outputs)
    return usageError(log, outputs.takeError());
  if (llvm::Error failure = depfile->write(*outputs, inputs))
    return usageError(log, std::move(failure));
  return kExitSuccess;
}

ExitCode observe(const Options &options, PhaseObserver &observer) {
  InputFiles inputs;
  return Compilation(options, inputs, observer).runObserved();
}

} // namespace phic
