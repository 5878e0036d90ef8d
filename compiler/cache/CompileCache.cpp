//===- CompileCache.cpp - Compilations that were done before ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/cache/CompileCache.h"
#include "compiler/Version.h"
#include "compiler/cache/CompilerFiles.h"
#include "compiler/cache/FileHash.h"
#include "compiler/cache/OutputStore.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

namespace path = llvm::sys::path;

namespace phic {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

/// Whether no write since `begin` can have gone unnoticed. Whole seconds are the mark of a file system that ticks no finer.
bool isUnchanged(const std::string &path, const FileState &state, int64_t begin) {
  if (FileState::of(path) != state)
    return false;
  bool coarse = state.modified % kSecond == 0 && state.changed % kSecond == 0;
  return !state.exists || state.settledBefore(begin, coarse ? 2 * kSecond : 0);
}

/// Who compiles: the same for every compilation of this installation.
std::string compilerIdentity(const FileHasher &hasher) {
  std::string text = "phic " PHIC_VERSION "\n";
  for (const CompilerFile &file : loadedCompilerFiles())
    text += path::filename(file.path).str() + " " +
            (file.buildId.empty() ? hasher.hash(file.path).value_or("") : file.buildId) + "\n";
  for (const std::string &file : runtimeFiles())
    text += path::filename(path::parent_path(file)).str() + "/" + path::filename(file).str() + " " +
            hasher.hash(file).value_or("") + "\n";
  return text;
}

/// What --cpu=native means here.
std::string nativeCpu() {
  std::string text = llvm::sys::getHostCPUName().str();
  std::vector<std::string> features;
  for (const auto &[name, has] : llvm::sys::getHostCPUFeatures())
    if (has)
      features.push_back(name.str());
  llvm::sort(features);
  for (const std::string &feature : features)
    text += "," + feature;
  return text;
}

/// Passes on, and remembers.
class RecordingStream : public llvm::raw_ostream {
public:
  explicit RecordingStream(llvm::raw_ostream &to) : raw_ostream(/*unbuffered=*/true), to(to) {}
  llvm::StringRef text() const { return record; }

private:
  void write_impl(const char *bytes, size_t size) override {
    to.write(bytes, size);
    record.append(bytes, size);
  }
  uint64_t current_pos() const override { return record.size(); }
  llvm::raw_ostream &to;
  std::string record;
};

/// The lines of a log that an equal compilation should show again: warnings, remarks and their notes.
std::string messagesIn(llvm::StringRef log) {
  std::string messages;
  llvm::SmallVector<llvm::StringRef> lines;
  log.split(lines, '\n');
  for (llvm::StringRef line : lines)
    for (llvm::StringRef severity : {"phic: warning: ", "phic: remark: ", "phic: note: "})
      if (line.starts_with(severity))
        messages += line.str() + "\n";
  return messages;
}

class CompileCache {
public:
  static llvm::Expected<CompileCache> open(const BuildRequest &request, AddedImporters importers);

  /// Writes the outputs of an equal compilation, tells `log` what it told, and `inputs` what it read. False: there is none.
  llvm::Expected<bool> restore(InputFiles &inputs, OutputFiles &planned, llvm::raw_ostream &log) const;

  /// Keeps the outputs that are there now. Files that changed since open() are no basis for an entry: then nothing is kept.
  llvm::Error store(const InputFiles &inputs, llvm::StringRef messages) const;

private:
  CompileCache(const BuildRequest &request, AddedImporters importers, OutputStore store);
  std::string makeKey() const;
  std::string nameOf(llvm::StringRef path) const;
  std::string pathOf(llvm::StringRef name) const;

  const BuildRequest &request;
  OutputStore outputs;
  std::vector<std::string> files; ///< that the compilation writes
  FileHasher hasher;
  std::optional<ModelPath> model;
  int64_t begin;
  std::string key; ///< empty: the model cannot be read, which the compilation will say
};

CompileCache::CompileCache(const BuildRequest &request, AddedImporters importers, OutputStore store)
    : request(request), outputs(std::move(store)), files(request.writtenFiles()), hasher(outputs.hashNotes()),
      begin(fileClockNow()) {
  NoModel ignored;
  model = findModel(request.model, ignored, importers);
  key = makeKey();
}

llvm::Expected<CompileCache> CompileCache::open(const BuildRequest &request, AddedImporters importers) {
  auto store = OutputStore::open(request.cacheDir);
  if (!store)
    return store.takeError();
  return CompileCache(request, importers, std::move(*store));
}

std::string CompileCache::makeKey() const {
  std::optional<std::string> content = model ? hasher.hash(model->file) : std::nullopt;
  if (!content)
    return "";
  std::string text = compilerIdentity(hasher) + request.spelledFlags;
  if (request.namesThisMachine)
    text += "native " + nativeCpu() + "\n";
  text += "output " + path::filename(files.front()).str() + "\n"; // symbols are named after it
  text += "model " + path::filename(model->file).str() + " " + *content + "\n";
  return hashOf(text);
}

/// Relative to the model's folder, so that a model can move; anything else by its path.
std::string CompileCache::nameOf(llvm::StringRef path) const {
  if (path == model->file)
    return path::filename(path).str();
  if (path.consume_front(model->directory + "/"))
    return path.str();
  llvm::SmallString<256> absolute(path);
  (void)llvm::sys::fs::make_absolute(absolute);
  return absolute.str().str();
}

std::string CompileCache::pathOf(llvm::StringRef name) const {
  return path::is_absolute(name) ? name.str() : model->directory + "/" + name.str();
}

llvm::Expected<bool> CompileCache::restore(InputFiles &inputs, OutputFiles &planned, llvm::raw_ostream &log) const {
  if (key.empty())
    return false;
  auto matches = [&](const CachedInput &input) { return hasher.hash(pathOf(input.name)) == input.hash; };
  std::optional<CacheEntry> entry = outputs.find(key, matches);
  if (!entry)
    return false;
  bool damaged = false;
  for (const CachedInput &input : entry->inputs)
    inputs.look(pathOf(input.name)); // before: none of them is written to
  auto restored = outputs.restore(*entry, files, planned, damaged);
  if (damaged)
    log << "phic: warning: the cache's entry for this model was damaged: it is deleted, and the model compiled\n";
  if (!restored || !*restored)
    return restored;
  log << entry->messages;
  if (!request.quiet)
    log << "phic: wrote " << llvm::join(files, ", ") << ": as compiled before, from the cache\n";
  return true;
}

llvm::Error CompileCache::store(const InputFiles &read, llvm::StringRef messages) const {
  if (key.empty())
    return llvm::Error::success();
  std::vector<CachedInput> inputs;
  for (const auto &[path, state] : read.all()) {
    std::optional<std::string> hash = state.exists ? hasher.hash(path) : std::nullopt;
    if (bool(hash) != state.exists || !isUnchanged(path, state, begin))
      return llvm::Error::success();
    inputs.push_back({nameOf(path), hash});
  }
  if (llvm::Error failure = outputs.store(key, inputs, files, messages))
    return failure;
  outputs.prune(request.cacheSize);
  return llvm::Error::success();
}

} // namespace

bool wantsCache(const BuildRequest &request) {
  return !request.cacheDir.empty() && request.first == Phase::Import && request.last == Phase::Link &&
         request.dumpPhases.empty() && request.report.empty();
}

void pruneCache(const BuildRequest &request) {
  if (auto store = OutputStore::open(request.cacheDir))
    store->prune(request.cacheSize);
  else
    llvm::consumeError(store.takeError()); // whoever wrote there has complained
}

ExitCode compileCached(const BuildRequest &request, AddedImporters importers, InputFiles &inputs, OutputFiles &planned,
                       llvm::raw_ostream &log, llvm::function_ref<ExitCode(llvm::raw_ostream &)> compile) {
  auto fail = [&](llvm::Error failure) {
    log << "phic: error: " << llvm::toString(std::move(failure)) << "\n";
    return kExitUsage;
  };
  auto cache = CompileCache::open(request, importers);
  if (!cache)
    return fail(cache.takeError());
  auto restored = cache->restore(inputs, planned, log);
  if (!restored)
    return fail(restored.takeError());
  if (*restored)
    return kExitSuccess;
  RecordingStream recorded(log);
  if (ExitCode code = compile(recorded))
    return code;
  if (llvm::Error failure = cache->store(inputs, messagesIn(recorded.text())))
    log << "phic: warning: " << llvm::toString(std::move(failure)) << "\n";
  return kExitSuccess;
}

} // namespace phic
