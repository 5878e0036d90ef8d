//===- Linker.h - Objects, tables and weights to a program -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Links kernels, model data, the prebuilt runtime and its musl files with LLD in
// this process, then appends the manifest and streams the weights into one more
// loadable segment. The output appears under its name only when it is whole.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_LINKER_H
#define PHIC_COMPILER_LINK_LINKER_H

#include "compiler/link/ModelData.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace phic {

/// Takes the weight segment's bytes in order. Nothing is buffered beyond a few pages.
class WeightSink {
public:
  virtual ~WeightSink() = default;
  virtual llvm::Error write(llvm::ArrayRef<uint8_t> bytes) = 0;
  /// Zeros up to offset `to` of the segment: what lies between two packed weights.
  virtual llvm::Error padTo(uint64_t to) = 0;
  /// Bytes so far.
  virtual uint64_t position() const = 0;
};

struct ProgramParts {
  ModelData model;
  /// Object files with the entry points that `model.variants` names.
  std::vector<llvm::ArrayRef<char>> objects;
  /// JSON text for `phic inspect` and `phic verify`: kept in section `.phi_manifest`.
  std::string manifest;
  /// Called once, after a successful link; must write exactly `model.weightsBytes` bytes.
  llvm::function_ref<llvm::Error(WeightSink &)> writeWeights;
  std::string triple = "x86_64-unknown-linux-musl";
  std::string system = "x86_64-linux";  ///< folder of the prebuilt runtime
};

/// Links and writes `output`. A failure leaves no file behind, and an older `output` as it was.
llvm::Error linkProgram(const ProgramParts &parts, llvm::StringRef output);

/// Bytes of the largest page that a system of `triple` may have: segments lie on multiples of it.
uint64_t pageBytes(llvm::StringRef triple);

/// The folder of the prebuilt runtime for `system`, beside libphic: `<lib>/phic/<system>`.
std::string runtimeDirectory(llvm::StringRef system);

/// Every system that there is a runtime for: what --target can name.
std::vector<std::string> knownSystems();

} // namespace phic

#endif // PHIC_COMPILER_LINK_LINKER_H
