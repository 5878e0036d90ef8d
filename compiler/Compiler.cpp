//===- Compiler.cpp - From a model to a program ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Around a compilation: the cache, which may do without it, and the depfile.
//===----------------------------------------------------------------------===//
#include "compiler/Compilation.h"
#include "compiler/Depfile.h"
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
  auto resolved = resolveBuild(options);
  if (!resolved)
    return usageError(log, resolved.takeError());
  const BuildRequest &request = *resolved;
  OutputFiles planned(read, filesOfPhic());
  if (llvm::Error failure = planFiles(request, planned))
    return usageError(log, std::move(failure));
  std::optional<Depfile> depfile;
  if (!request.depfile.empty()) {
    auto created = Depfile::create(request.depfile, planned);
    if (!created)
      return usageError(log, created.takeError());
    depfile.emplace(std::move(*created));
  }
  auto compileAnew = [&](llvm::raw_ostream &log) {
    Compilation compilation(request, read, planned, log, plugins);
    ExitCode code = compilation.run();
    if (!request.cacheDir.empty() && compilation.derivedWeights())
      pruneCache(request);
    return code;
  };
  // The cache knows the plugins of the request, which are files; not those of the calling program.
  bool isCached = wantsCache(request) && plugins.isIdle();
  PluginRegistry loaded;
  if (isCached)
    loadPlugins(request.plugins, loaded); // for their importers; of what is wrong with them the compilation tells
  if (ExitCode code =
          isCached ? compileCached(request, loaded.importers(), read, planned, log, compileAnew) : compileAnew(log))
    return code;
  if (!depfile)
    return kExitSuccess;
  if (llvm::Error failure = depfile->write(request.writtenFiles(), read))
    return usageError(log, std::move(failure));
  return kExitSuccess;
}

ExitCode observe(const BuildRequest &request, PhaseObserver &observer) {
  InputFiles read;
  OutputFiles none(read, {});
  return Compilation(request, read, none, observer).runObserved();
}

} // namespace phic
