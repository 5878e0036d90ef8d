//===- Inflate.h - Compressed bytes ----------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The format of zlib (RFC 1950, 1951), of which a program holds long texts that it needs once.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_INFLATE_H
#define PHI_RUNTIME_INFLATE_H

#include <stdint.h>

namespace phi {

/// Writes the `toBytes` bytes that the `fromBytes` at `from` are. False: they are something else.
bool inflate(const uint8_t *from, uint64_t fromBytes, uint8_t *to, uint64_t toBytes);

} // namespace phi

#endif // PHI_RUNTIME_INFLATE_H
