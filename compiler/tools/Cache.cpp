//===- Cache.cpp - phic cache ----------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/cache/OutputStore.h"
#include "compiler/files/Console.h"
#include "compiler/tools/CompileFlags.h"
#include "compiler/tools/Verbs.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include <CLI/CLI.hpp>

namespace phic {
namespace {

struct CacheFlags {
  CompileSettings settings;
  bool prune = false, clear = false;
};

llvm::raw_ostream &operator<<(llvm::raw_ostream &out, const OutputStore::Usage &usage) {
  return out << usage.entries << (usage.entries == 1 ? " entry, " : " entries, ")
             << llvm::format("%.1f MiB", double(usage.bytes) / (1 << 20));
}

ExitCode fail(const llvm::Twine &message) {
  messages() << "phic: error: " << message << "\n";
  return kExitUsage;
}

ExitCode runCache(const CacheFlags &flags) {
  const std::string &folder = flags.settings.cacheDir;
  if (folder.empty())
    return fail("cache needs --cache-dir DIR, or PHIC_CACHE_DIR in the environment");
  if (!llvm::sys::fs::is_directory(folder))
    return fail("no such cache folder: " + folder);
  auto store = OutputStore::open(folder);
  if (!store)
    return fail(llvm::toString(store.takeError()));
  if (flags.prune || flags.clear)
    reports() << "deleted: " << store->prune(flags.clear ? 0 : flags.settings.cacheSize) << "\n";
  reports() << folder << ": " << store->usage() << "\n";
  return kExitSuccess;
}

} // namespace

void addCacheVerb(CLI::App &app, ExitCode &result) {
  CLI::App *verb = app.add_subcommand("cache", "show or prune the compile cache");
  auto flags = std::make_shared<CacheFlags>();
  addCacheFlags(*verb, flags->settings);
  verb->add_flag("--prune", flags->prune, "delete what was used least recently, until --cache-size is kept");
  verb->add_flag("--clear", flags->clear, "delete every entry");
  verb->callback([flags, &result] { result = runCache(*flags); });
}

} // namespace phic
