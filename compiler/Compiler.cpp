//===- Compiler.cpp - From a model to a program ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Around a compilation: the cache, which may do without it, and the depfile.
//===----------------------------------------------------------------------===//
#include "compiler/Compilation.h"
#include "compiler/Depfile.h"
#include "compiler/SystemOptions.h"
#include "compiler/cache/CompileCache.h"
#include "compiler/cache/CompilerFiles.h"

namespace phic {

namespace {

ExitCode usageError(llvm::raw_ostream &log, llvm::Error failure) {
  log << "phic: error: " << llvm::toString(std::move(failure)) << "\n";
  return kExitUsage;
}

} // namespace

ExitCode compile(const Options &options, llvm::raw_ostream &log) { return compile(options, log, PluginRegistry()); }

ExitCode compile(const Options &options, llvm::raw_ostream &log, const PluginRegistry &plugins) {
  InputFiles read;
  return compile(options, log, plugins, read);
}

ExitCode compile(const Options &options, llvm::raw_ostream &log, const PluginRegistry &plugins, InputFiles &read) {
  OutputFiles planned(read, filesOfPhic());
  if (llvm::Error failure = planFiles(options, planned))
    return usageError(log, std::move(failure));
  std::optional<Depfile> depfile;
  if (!options.depfile.empty()) {
    auto created = Depfile::create(options.depfile, planned);
    if (!created)
      return usageError(log, created.takeError());
    depfile.emplace(std::move(*created));
  }
  auto compileAnew = [&](llvm::raw_ostream &log) { return Compilation(options, read, planned, log, plugins).run(); };
  // The cache knows the plugins of the options, which are files; not those of the calling program.
  bool isCached = wantsCache(options) && plugins.isIdle();
  PluginRegistry loaded;
  if (isCached)
    loadPlugins(options, loaded); // for their importers; of what is wrong with them the compilation tells
  if (ExitCode code =
          isCached ? compileCached(options, loaded.importers(), read, planned, log, compileAnew) : compileAnew(log))
    return code;
  if (!depfile)
    return kExitSuccess;
  auto outputs = pathsOfSystems(options);
  if (!outputs)
    return usageError(log, outputs.takeError());
  if (llvm::Error failure = depfile->write(*outputs, read))
    return usageError(log, std::move(failure));
  return kExitSuccess;
}

ExitCode observe(const Options &options, PhaseObserver &observer) {
  InputFiles read;
  OutputFiles none(read, {});
  return Compilation(options, read, none, observer).runObserved();
}

} // namespace phic
