//===- OutputStore.h - Outputs of earlier compilations ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A folder that any number of processes share. An entry is a folder of its own,
// made aside and renamed into place, and moved aside before it is deleted: a
// reader sees all of it or nothing, and no one waits for a lock.
//
//     outputs/<key>/<inputs>/entry.json   inputs and outputs with their hashes, messages; its time says when it was last used
//                            0, 1, ...    the outputs
//     derived/<key>                       a derived weight (weights/DerivedWeights.h); its time says when it was last used
//     files/                              notes of FileHasher
//     aside/                              what is being made or deleted
//
// A key stands for what is known before compiling (phic, flags, the model's main
// file); an entry under it also tells every other file that was read, and those
// looked for in vain. Outputs are copied (as clones where the file system can),
// never linked: nothing a user does to a program reaches the cache.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_CACHE_OUTPUTSTORE_H
#define PHIC_COMPILER_CACHE_OUTPUTSTORE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace phic {

/// An input as an entry tells it; without a hash, there was no such file.
struct CachedInput {
  std::string name;
  std::optional<std::string> hash;
};

/// What was found for a key.
struct CacheEntry {
  std::string folder;
  std::vector<CachedInput> inputs;
  std::string messages;
  struct Output {
    uint64_t size;
    std::string hash;
    bool executable;
  };
  std::vector<Output> outputs;
};

class OutputFiles;

class OutputStore {
public:
  /// Makes the folder if need be; an error when there can be none.
  static llvm::Expected<OutputStore> open(llvm::StringRef folder);

  /// The entry under `key` whose inputs all satisfy `matches`.
  std::optional<CacheEntry> find(llvm::StringRef key, llvm::function_ref<bool(const CachedInput &)> matches) const;

  /// Writes the entry's outputs to `paths`, all or none. False when the entry was pruned meanwhile or
  /// is damaged; a damaged one is removed, and `damaged` set.
  llvm::Expected<bool> restore(const CacheEntry &entry, llvm::ArrayRef<std::string> paths, OutputFiles &planned,
                               bool &damaged) const;

  /// Keeps copies of the files at `paths`.
  llvm::Error store(llvm::StringRef key, llvm::ArrayRef<CachedInput> inputs, llvm::ArrayRef<std::string> paths,
                    llvm::StringRef messages) const;

  struct Usage {
    uint64_t entries = 0, bytes = 0;
  };
  Usage usage() const;
  /// Deletes entries, least recently used first, until at most `limit` bytes are left; and what was left aside by
  /// processes that died. What has been deleted.
  Usage prune(uint64_t limit) const;

  std::string hashNotes() const { return folder + "/files"; }

private:
  explicit OutputStore(std::string folder) : folder(std::move(folder)) {}
  struct Candidate {
    int64_t used;
    std::string path;
    uint64_t bytes;
  };
  std::vector<Candidate> candidates() const;
  std::string entriesOf(llvm::StringRef key) const;
  llvm::Expected<std::string> makeAside() const;
  void remove(const std::string &entry) const;
  std::string folder;
};

} // namespace phic

#endif // PHIC_COMPILER_CACHE_OUTPUTSTORE_H
