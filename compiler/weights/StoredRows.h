//===- StoredRows.h - Rows as phic stores them -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The writing side of the layouts of derived weights: `phic_rows` for block formats,
// `dense_nk` for floats. Every row has the same number of bytes, so that rows can be
// written in any order, and WeightReader gives back bit for bit what was written.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_WEIGHTS_STOREDROWS_H
#define PHIC_COMPILER_WEIGHTS_STOREDROWS_H

#include "dialects/phiq/Formats.h"

namespace phic {

/// A row of a format with one level of scales, into phicRowBytes(format, row.codes.size()).all() bytes.
void storeRow(const BlockRow &row, const BlockFormat &format, uint8_t *bytes);

/// Floats that `type` (f32, f16 or bf16) holds exactly.
void storeFloats(Scalar type, const float *values, int64_t count, uint8_t *bytes);

} // namespace phic

#endif // PHIC_COMPILER_WEIGHTS_STOREDROWS_H
