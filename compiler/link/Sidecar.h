//===- Sidecar.h - Weights in a file of their own --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A page that begins with phi_weights_header, the weights, their trailer.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_SIDECAR_H
#define PHIC_COMPILER_LINK_SIDECAR_H

#include "compiler/link/LinkedFile.h"

namespace phic {

class Sidecar final : public LinkedFile {
public:
  Sidecar(OutputFile file, uint64_t weightsBytes) : LinkedFile(std::move(file)), weightsBytes(weightsBytes) {}
  llvm::Error begin() override {
    weightsOffset = PHI_WEIGHTS_OFFSET;
    return padTo(weightsOffset);
  }
  bool takesWeights() const override { return true; }
  llvm::Error finish(uint64_t hash) override {
    if (llvm::Error failure = writeTrailer(weightsBytes, hash))
      return failure;
    phi_weights_header header = {PHI_WEIGHTS_MAGIC, PHI_FORMAT_VERSION, PHI_WEIGHTS_OFFSET, weightsBytes, hash, {}};
    patch(bytesOf(header), 0);
    return checkWritten();
  }

private:
  uint64_t weightsBytes;
};

} // namespace phic

#endif // PHIC_COMPILER_LINK_SIDECAR_H
