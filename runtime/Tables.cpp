//===- Tables.cpp - Whether tables are as they were written ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Tables.h"

#include <string.h>

namespace phi {

bool tablesAreWhole(const uint8_t *blob, uint32_t bytes, uint32_t hashAt) {
  uint32_t written;
  memcpy(&written, blob + hashAt, sizeof(written));
  return written == phi_tables_hash(blob, bytes, hashAt);
}

} // namespace phi
