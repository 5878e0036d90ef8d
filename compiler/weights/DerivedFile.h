//===- DerivedFile.h - Numbers that no input file holds --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A derived file is a header of 64 bytes and the rows of one weight behind it. The
// header tells the rows' length and hash and what making them cost in accuracy, so that
// a file that is kept is known to be whole before it is used.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_WEIGHTS_DERIVEDFILE_H
#define PHIC_COMPILER_WEIGHTS_DERIVEDFILE_H

#include "compiler/weights/ConversionError.h"
#include "llvm/ADT/ArrayRef.h"
#include <optional>

namespace phic {

struct DerivedHeader {
  uint64_t magic, version;
  uint64_t bytes, hash; ///< of the rows: xxh3-64
  ConversionError error;
  uint64_t check;       ///< xxh3-64 of all before it
};
static_assert(sizeof(DerivedHeader) == 64);

DerivedHeader makeDerivedHeader(uint64_t bytes, uint64_t hash, const ConversionError &error);

/// The header at the beginning of a file, if it is one and the file has the bytes it tells; their hash is not compared.
std::optional<DerivedHeader> readDerivedHeader(llvm::ArrayRef<uint8_t> file);

} // namespace phic

#endif // PHIC_COMPILER_WEIGHTS_DERIVEDFILE_H
