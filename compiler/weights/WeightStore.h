//===- WeightStore.h - Mapped files behind weight handles ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The numbers of a model stay in its files: the store maps them read-only and
// hands out byte ranges. Nothing is copied, and pages that have been streamed
// through can be given back, so that memory does not grow with the model.
// Ranges come from a file or from IR text: each is checked before use. A compilation
// has one store, so that bytes are hashed once: what importers have made handles of
// is known when it is packed.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_WEIGHTS_WEIGHTSTORE_H
#define PHIC_COMPILER_WEIGHTS_WEIGHTSTORE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace phic {

/// A byte range of a model file: what `#phiq.range` says.
struct FileRange {
  uint32_t file = 0; ///< index into the store's files (`phiq.files`)
  uint64_t offset = 0;
  uint64_t length = 0;
  uint64_t hash = 0; ///< xxh3-64 of the bytes
  auto operator<=>(const FileRange &) const = default;
};

/// Thread-safe after open().
class WeightStore {
public:
  WeightStore();
  ~WeightStore();
  static llvm::Expected<std::unique_ptr<WeightStore>> open(llvm::StringRef directory,
                                                           llvm::ArrayRef<std::string> files);

  /// Maps `files` as the store's only ones; they are paths relative to `directory` and may not lead out of it.
  llvm::Error map(llvm::StringRef directory, llvm::ArrayRef<std::string> files);

  /// Whether a name is of a derived file: one that phic makes, and that map() leaves to mapDerived().
  static bool isDerived(llvm::StringRef name);
  /// Maps what is to be read as the derived file `name`, whose index is returned: a new one if it has none yet.
  llvm::Expected<uint32_t> mapDerived(llvm::StringRef name, int descriptor);
  /// The index of a file that is mapped.
  std::optional<uint32_t> mapped(llvm::StringRef name) const;

  llvm::ArrayRef<uint8_t> wholeFile(uint32_t index) const;

  /// The bytes of a range, whose bounds are checked; its hash is not.
  llvm::Expected<llvm::ArrayRef<uint8_t>> bytes(const FileRange &range) const;

  /// The bytes of a range whose hash has been compared with the file (once per range).
  llvm::Expected<llvm::ArrayRef<uint8_t>> verifiedBytes(const FileRange &range);

  /// A handle for these bytes of a file, its hash computed: what importers put into the IR.
  llvm::Expected<FileRange> makeRange(uint32_t file, uint64_t offset, uint64_t length);

  /// Gives the pages behind bytes of this store back to the system; they are read again when
  /// touched. Meant for streaming: the page of the first byte is given back too, that of the last
  /// only when whole.
  void release(llvm::ArrayRef<uint8_t> bytes) const;

  /// What is known of the activations that a weight is multiplied with: the mean square of each of its columns, [K]. Said
  /// before the weight is read; quantizers get it, and it is part of a derived weight's recipe.
  void setMeanSquares(llvm::StringRef weight, std::vector<float> ofColumns);
  /// Empty: nothing is known.
  llvm::ArrayRef<float> meanSquares(llvm::StringRef weight) const;

  llvm::ArrayRef<std::string> files() const { return names; }
  /// Bytes hashed so far.
  uint64_t hashedBytes() const { return hashed; }

private:
  struct Mapping;
  uint64_t hash(llvm::ArrayRef<uint8_t> bytes);

  std::vector<std::string> names;
  std::vector<std::unique_ptr<Mapping>> mappings;
  std::mutex mutex;
  std::set<FileRange> verified;
  std::map<std::string, std::vector<float>, std::less<>> statistics; ///< by the weight's name
  std::atomic<uint64_t> hashed = 0;
};

} // namespace phic

#endif // PHIC_COMPILER_WEIGHTS_WEIGHTSTORE_H
