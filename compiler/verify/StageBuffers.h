//===- StageBuffers.h - A program's bytes as values ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the buffers of a running program (docs/numerics.md, "Memory layout of
// values") into the interpreter's rows and caches, and compares them.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_VERIFY_STAGEBUFFERS_H
#define PHIC_COMPILER_VERIFY_STAGEBUFFERS_H

#include "dialects/phiq/Interpreter.h"
#include "dialects/plan/Plan.h"
#include "mlir/IR/BuiltinTypes.h"
#include "targets/Backend.h"
#include "llvm/Support/Error.h"
#include <string>

namespace phic {

/// `count` rows of a value of this type, `rowBytes` apart, each laid out as the backend does; quantized rows also give
/// their stored sums.
struct StoredRows {
  Rows rows;
  std::vector<float> sums;  ///< [rows, blocks()]: s * sum of codes, f32
};
llvm::Expected<StoredRows> rowsFromBytes(mlir::RankedTensorType type, const Backend &backend,
                                         llvm::ArrayRef<uint8_t> bytes, int64_t count, int64_t rowBytes);

/// What a step read, in a binding: token ids, or rows, as many as there are.
llvm::Expected<Datum> datumFromBytes(mlir::RankedTensorType type, const Backend &backend,
                                     llvm::ArrayRef<uint8_t> bytes);

/// The first `positions` rows of a layer's keys or values, of a cache made for `context` positions.
llvm::Expected<Rows> keysFromBytes(const CacheState &cache, plan::CacheLayoutAttr layout, llvm::ArrayRef<uint8_t> bytes,
                                   int64_t context, int64_t positions);
llvm::Expected<Rows> valuesFromBytes(const CacheState &cache, plan::CacheLayoutAttr layout,
                                     llvm::ArrayRef<uint8_t> bytes, int64_t context, int64_t positions);

/// The element of a buffer that is furthest from what it should be, measured in its bound.
struct Divergence {
  /// |got - expected| / bound; above 1 the kernel is wrong. Where a tie allows two codes or two halves, the
  /// other one counts 1/2.
  double ratio = 0;
  std::string what;          ///< "value", "code", "scale", "block sum"
  int64_t row = 0, column = 0;
  double got = 0, expected = 0, bound = 0;
};

/// Compares what a program stored with what the interpreter allows.
Divergence compareRows(const StoredRows &got, const Rows &expected);
/// Rows [first, expected.rows) of a cache; those before must be what they were, `before`. `isHalf`: of 16-bit elements.
Divergence compareCache(const Rows &got, const Rows &expected, const Rows &before, int64_t first, bool isHalf);

} // namespace phic

#endif // PHIC_COMPILER_VERIFY_STAGEBUFFERS_H
