//===- WeightSink.h - Where packed weights go ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All that the packer and the linker know of each other: one fills a sink, the
// other is one, with a place in each file that holds the weight segment.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_WEIGHTS_WEIGHTSINK_H
#define PHIC_COMPILER_WEIGHTS_WEIGHTSINK_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>

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

} // namespace phic

#endif // PHIC_COMPILER_WEIGHTS_WEIGHTSINK_H
