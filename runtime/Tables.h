//===- Tables.h - Whether tables are as they were written ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHI_RUNTIME_TABLES_H
#define PHI_RUNTIME_TABLES_H

#include "phi/tokenizer.h"

namespace phi {

/// Whether the blob's hash, at `hashAt`, is that of its bytes: before any offset in it is followed.
bool tablesAreWhole(const uint8_t *blob, uint32_t bytes, uint32_t hashAt);

} // namespace phi

#endif // PHI_RUNTIME_TABLES_H
