//===- Meanings.h - What the meaning of an op may look at ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For MeaningInterface's implementations, one short function an op: in
// RowMeanings.cpp, AttentionMeanings.cpp and, for weights, Interpreter.cpp.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_MEANINGS_H
#define PHIC_DIALECTS_PHIQ_MEANINGS_H

#include "dialects/phiq/Interpreter.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/DenseMap.h"

namespace phic {

/// The values of one region while it is interpreted.
class Scope {
public:
  Scope(mlir::ModuleOp module, WeightSource &weights, SessionState &session, bool bounds)
      : module(module), weights(weights), session(session), bounds(bounds) {}

  void set(mlir::Value value, Datum datum) { data[value] = std::move(datum); }
  const Datum &get(mlir::Value value) const { return data.find(value)->second; }
  /// Numbers of activations or, of ops on grids, of any constant.
  const Rows &rows(mlir::Value value);

  /// Rows [n0, n0 + count) of a weight, or of rows computed from one (transpose).
  void weightRows(mlir::Value weight, int64_t n0, int64_t count, float *values) const;
  /// A whole vector.
  std::vector<float> vector(mlir::Value weight) const;
  /// The cache of that name, made empty if it is not there yet.
  CacheState &cache(llvm::StringRef name);

  mlir::ModuleOp module;
  WeightSource &weights;
  SessionState &session;
  const bool bounds;

private:
  llvm::DenseMap<mlir::Value, Datum> data;
};

namespace phiq::meaning {

// Of arith's ops (ArithRowOps.cpp).
Rows add(mlir::arith::AddFOp op, Scope &scope);
Rows multiply(mlir::arith::MulFOp op, Scope &scope);
/// Each row x less its mean, divided by its standard deviation, times gamma plus beta.
Rows layerNorm(const Rows &x, llvm::ArrayRef<float> gamma, llvm::ArrayRef<float> beta, double epsilon);

/// What one query head of one row attends to: positions [first, last] of its KV head.
struct AttendView {
  AttendView(phiq::AttendOp op, const Rows &queries, const CacheState &cache, int64_t past, int64_t row, int64_t head);
  const float *key(int64_t t) const { return cache.keys.row(t) + column; }
  const float *value(int64_t t) const { return cache.values.row(t) + column; }
  double score(int64_t t) const;
  /// Softmax of the scores of [first, last].
  void softmax(std::vector<double> &weights) const;

  const CacheState &cache;
  int64_t column;       ///< of the KV head, in the cache's rows
  const float *query;
  double scale, softcap;
  int64_t first, last;
};

/// First row that phiq.logit_rows keeps.
int64_t firstLogitRow(phiq::LogitRowsOp op, Scope &scope);

} // namespace phiq::meaning
} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_MEANINGS_H
