//===- OutputStore.cpp - Outputs of earlier compilations -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/cache/OutputStore.h"
#include "compiler/cache/CopyFile.h"
#include "compiler/cache/FileHash.h"
#include "compiler/files/InputFile.h"
#include "compiler/files/InputFiles.h"
#include "compiler/files/Json.h"
#include "compiler/files/OutputFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

namespace fs = llvm::sys::fs;

namespace phic {
namespace {

constexpr char kFacts[] = "/entry.json";
constexpr int64_t kAbandoned = int64_t(3600) * 1'000'000'000;

std::vector<std::string> foldersIn(const std::string &folder) {
  std::vector<std::string> found;
  std::error_code failure;
  for (fs::directory_iterator it(folder, failure), end; it != end && !failure; it.increment(failure))
    found.push_back(it->path());
  std::sort(found.begin(), found.end());
  return found;
}

Json spelled(llvm::ArrayRef<CachedInput> inputs) {
  Json all = Json::array();
  for (const CachedInput &input : inputs)
    all.push_back(Json::array({input.name, input.hash ? Json(*input.hash) : Json()}));
  return all;
}

/// A string, where the value is one.
std::optional<std::string> textOf(const Json &value) {
  return value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt;
}

/// The entry in `folder`; none where its facts cannot be read, or are not all there.
std::optional<CacheEntry> readEntry(const std::string &folder) {
  auto text = readInput(folder + kFacts);
  if (!text)
    return llvm::consumeError(text.takeError()), std::nullopt;
  auto facts = parseJson((*text)->getBuffer(), kFacts);
  if (!facts)
    return llvm::consumeError(facts.takeError()), std::nullopt;
  if (!member(*facts, "inputs") || !member(*facts, "outputs"))
    return std::nullopt;
  CacheEntry entry{folder, {}, stringOr(*facts, "messages", ""), {}};
  for (const Json &pair : listIn(*facts, "inputs")) {
    auto name = pair.is_array() && pair.size() == 2 ? textOf(pair[0]) : std::nullopt;
    if (!name)
      return std::nullopt;
    entry.inputs.push_back({*name, textOf(pair[1])});
  }
  for (const Json &output : listIn(*facts, "outputs")) {
    const Json *size = member(output, "size"), *hash = member(output, "hash");
    if (!size || !integerOf<uint64_t>(*size) || !hash || !hash->is_string())
      return std::nullopt;
    entry.outputs.push_back({*integerOf<uint64_t>(*size), *textOf(*hash), boolOr(output, "executable", false)});
  }
  return entry;
}

uint64_t bytesIn(const std::string &entry) {
  uint64_t bytes = 0;
  for (const std::string &file : foldersIn(entry))
    bytes += FileState::of(file).size;
  return bytes;
}

} // namespace

llvm::Expected<OutputStore> OutputStore::open(llvm::StringRef folder) {
  llvm::SmallString<256> absolute(folder);
  std::error_code failure = fs::make_absolute(absolute);
  for (llvm::StringRef part : {"/outputs", "/aside"})
    if (!failure)
      failure = fs::create_directories(absolute + part);
  if (failure)
    return llvm::createStringError("cannot use " + folder + " as cache folder: " + failure.message());
  return OutputStore(absolute.str().str());
}

std::string OutputStore::entriesOf(llvm::StringRef key) const { return folder + "/outputs/" + key.str(); }

std::optional<CacheEntry> OutputStore::find(llvm::StringRef key,
                                            llvm::function_ref<bool(const CachedInput &)> matches) const {
  for (const std::string &path : foldersIn(entriesOf(key)))
    if (std::optional<CacheEntry> entry = readEntry(path); entry && llvm::all_of(entry->inputs, matches))
      return entry;
  return std::nullopt;
}

llvm::Expected<bool> OutputStore::restore(const CacheEntry &entry, llvm::ArrayRef<std::string> paths,
                                          OutputFiles &planned, bool &damaged) const {
  damaged = entry.outputs.size() != paths.size();
  std::vector<OutputFile> files;
  for (size_t i = 0; i < paths.size() && !damaged; ++i) {
    std::string kept = entry.folder + "/" + std::to_string(i);
    if (!fs::exists(kept))
      return false;
    auto file = OutputFile::create(paths[i], planned,
                                   entry.outputs[i].executable ? OutputFile::Kind::Program : OutputFile::Kind::Data);
    if (!file)
      return file.takeError();
    files.push_back(std::move(*file));
    if (std::error_code failure = copyContents(kept, files.back().descriptor()))
      return cannotWrite(paths[i], failure);
    damaged =
        FileHasher("").hash("/proc/self/fd/" + std::to_string(files.back().descriptor())) != entry.outputs[i].hash;
  }
  if (damaged) {
    remove(entry.folder);
    return false;
  }
  for (size_t i = 0; i < paths.size(); ++i)
    if (llvm::Error failure = files[i].keep()) {
      for (size_t done = 0; done < i; ++done)
        fs::remove(paths[done]);
      return failure;
    }
  ::utimensat(AT_FDCWD, (entry.folder + kFacts).c_str(), nullptr, 0); // used now
  return true;
}

llvm::Expected<std::string> OutputStore::makeAside() const {
  llvm::SmallString<256> path;
  fs::createUniquePath(folder + "/aside/%%%%%%%%%%%%%%%%", path, /*MakeAbsolute=*/false);
  if (std::error_code failure = fs::create_directory(path, /*IgnoreExisting=*/false))
    return llvm::createStringError("cannot write to cache folder " + folder + ": " + failure.message());
  return path.str().str();
}

llvm::Error OutputStore::store(llvm::StringRef key, llvm::ArrayRef<CachedInput> inputs,
                               llvm::ArrayRef<std::string> paths, llvm::StringRef messages) const {
  auto aside = makeAside();
  if (!aside)
    return aside.takeError();
  llvm::scope_exit clean([&] { fs::remove_directories(*aside); });
  Json outputs = Json::array();
  for (size_t i = 0; i < paths.size(); ++i) {
    std::string kept = *aside + "/" + std::to_string(i);
    if (std::error_code failure = copyFile(paths[i], kept))
      return llvm::createStringError("cannot write to cache folder " + folder + ": " + failure.message());
    auto hash = FileHasher("").hash(kept);
    if (!hash)
      return llvm::createStringError("cannot read back what was written to cache folder " + folder);
    outputs.push_back({{"size", FileState::of(kept).size}, {"hash", *hash}, {"executable", fs::can_execute(paths[i])}});
  }
  const Json facts = {{"inputs", spelled(inputs)}, {"outputs", outputs}, {"messages", messages}};
  llvm::Error failure = llvm::writeToOutput(*aside + kFacts, [&](llvm::raw_ostream &out) {
    out << printJson(facts);
    return llvm::Error::success();
  });
  if (failure)
    return failure;
  std::string entries = entriesOf(key);
  if (std::error_code code = fs::create_directories(entries))
    return llvm::createStringError("cannot write to cache folder " + folder + ": " + code.message());
  // Where another process was first, its entry is as good, and stays.
  (void)fs::rename(*aside, entries + "/" + hashOf(printJson(spelled(inputs))));
  return llvm::Error::success();
}

void OutputStore::remove(const std::string &entry) const {
  auto aside = makeAside();
  if (!aside)
    return llvm::consumeError(aside.takeError());
  (void)fs::rename(entry, *aside + "/entry");
  (void)fs::remove_directories(*aside);
  (void)fs::remove(llvm::sys::path::parent_path(entry)); // if that was the key's last
}

/// Everything that can be deleted by itself.
std::vector<OutputStore::Candidate> OutputStore::candidates() const {
  std::vector<Candidate> all;
  for (const std::string &key : foldersIn(folder + "/outputs"))
    for (const std::string &entry : foldersIn(key))
      all.push_back({FileState::of(entry + kFacts).modified, entry, bytesIn(entry)});
  for (const std::string &file : foldersIn(folder + "/derived"))
    all.push_back({FileState::of(file).modified, file, FileState::of(file).size});
  return all;
}

OutputStore::Usage OutputStore::usage() const {
  Usage usage;
  for (const Candidate &candidate : candidates())
    ++usage.entries, usage.bytes += candidate.bytes;
  return usage;
}

OutputStore::Usage OutputStore::prune(uint64_t limit) const {
  std::vector<Candidate> candidates = this->candidates();
  uint64_t total = 0;
  for (const Candidate &candidate : candidates)
    total += candidate.bytes;
  llvm::sort(candidates, [](auto &a, auto &b) { return std::tie(a.used, a.path) < std::tie(b.used, b.path); });
  Usage deleted;
  for (const Candidate &candidate : candidates) {
    if (total - deleted.bytes <= limit)
      break;
    remove(candidate.path);
    ++deleted.entries, deleted.bytes += candidate.bytes;
  }
  int64_t now = fileClockNow();
  for (const std::string &aside : foldersIn(folder + "/aside"))
    if (FileState::of(aside).settledBefore(now, kAbandoned))
      (void)fs::remove_directories(aside);
  return deleted;
}

} // namespace phic
