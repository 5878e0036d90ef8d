//===- LinkedFile.h - A file that weights pass into ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Several files are written at once, since the weights pass by only once: each
// writes what comes before them, takes them piece by piece, and then the rest.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_LINKEDFILE_H
#define PHIC_COMPILER_LINK_LINKEDFILE_H

#include "compiler/files/OutputFile.h"
#include "phi/format.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace phic {

/// The trailer begins at the next multiple behind the weights.
inline constexpr uint64_t kWeightsLine = 64;

class LinkedFile {
public:
  virtual ~LinkedFile();
  LinkedFile(const LinkedFile &) = delete;

  /// All before the weights.
  virtual llvm::Error begin() = 0;
  virtual bool takesWeights() const = 0;
  llvm::Error writeWeights(llvm::ArrayRef<uint8_t> bytes);
  /// After begin() and all weights: their hash, from the file itself.
  llvm::Expected<uint64_t> hashWeights(uint64_t bytes);
  /// All after the weights.
  virtual llvm::Error finish(uint64_t weightsHash) = 0;
  /// Gives the file its name.
  llvm::Error keep();

protected:
  explicit LinkedFile(OutputFile output);
  llvm::raw_fd_ostream &out() { return stream; }
  llvm::Error checkWritten();
  llvm::Error padTo(uint64_t offset);
  /// `read` sees bytes that have been written, as they are in the file.
  llvm::Error readBack(uint64_t from, uint64_t bytes, llvm::function_ref<void(llvm::ArrayRef<uint8_t>)> read);
  /// The trailer, after padding; call where the weights end.
  llvm::Error writeTrailer(uint64_t weightsBytes, uint64_t hash);
  /// Bytes at an offset that has been written already.
  void patch(llvm::StringRef bytes, uint64_t offset) { stream.pwrite(bytes.data(), bytes.size(), offset); }

  uint64_t weightsOffset = 0;  ///< in the file, set by begin()

private:
  OutputFile file;
  llvm::raw_fd_ostream stream;
};

template <typename T> llvm::StringRef bytesOf(const T &value) {
  return {reinterpret_cast<const char *>(&value), sizeof(value)};
}

} // namespace phic

#endif // PHIC_COMPILER_LINK_LINKEDFILE_H
