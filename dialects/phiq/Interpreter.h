//===- Interpreter.h - What every op means ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The slow, readable meaning of the phiq ops, arith.addf and arith.mulf, and of ops
// that hold a block of them (plan.stage): the oracle that kernels are held against.
// Sums and functions are computed in double, the result of every op is rounded once,
// to f32.
//
// On request each value carries a bound on how far a kernel's value may lie from
// it (ErrorBounds.h). Give a stage its own inputs, and its results come with the
// error that its kernel is allowed.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_INTERPRETER_H
#define PHIC_DIALECTS_PHIQ_INTERPRETER_H

#include "dialects/phiq/Formats.h"
#include "dialects/phiq/Rows.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"

namespace phic {
/// Keys and values of one layer: row t is position t, [heads * head_dim] each,
/// every number already rounded to `element`.
struct CacheState {
  int64_t heads = 0, headDim = 0;
  Scalar element = Scalar::F32;
  Rows keys, values;
};

/// What a sequence has so far, and what this step asks for.
struct SessionState {
  int64_t past = 0;       ///< tokens in the caches: position of row 0
  int64_t total = 0;      ///< length of the whole sequence being processed
  int64_t logitRow0 = 0;  ///< logits are wanted for rows [logitRow0, M)
  llvm::StringMap<CacheState> caches; ///< by symbol; created when first appended to
};

/// Where the numbers of weights come from: the model's files, or a program's packed copy.
class WeightSource {
public:
  virtual ~WeightSource() = default;
  /// Rows [n0, n0 + count) of a `phiq.weight` or `phiq.rope_table` as f32 [count, K]; a vector is one row.
  virtual void dequantizeRows(mlir::Operation *weight, int64_t n0, int64_t count, float *values) = 0;
  /// The same rows of a quantized weight, as stored.
  virtual void readRows(mlir::Operation *weight, int64_t n0, int64_t count, BlockRow *rows) = 0;
};

/// A value while it is interpreted: activations, token ids, or a weight, read when an op needs it.
struct Datum {
  Rows rows;
  std::vector<int32_t> ids;
  mlir::Operation *weight = nullptr;
};

class Interpreter {
public:
  /// With `bounds`, values carry error bounds.
  Interpreter(mlir::ModuleOp module, WeightSource &weights, bool bounds = false)
      : module(module), weights(weights), bounds(bounds) {}

  /// One step of `func.func @model`: appends `tokens` to the session (total is raised to what is
  /// then in it, if less) and returns the rows of logits from logitRow0 on. Fails, after a
  /// diagnostic, on an op that has no meaning here.
  mlir::FailureOr<Rows> runModel(llvm::ArrayRef<int32_t> tokens, SessionState &session);

  /// One run of a model without steps, on all inputs and states in the order of the function's arguments: all results and
  /// next states in that of its results.
  mlir::FailureOr<std::vector<Rows>> runGraph(std::vector<Rows> inputs);

  /// One stage, an op that means its block, on its inputs: activations and token ids by their rows, weights by their op.
  mlir::FailureOr<std::vector<Rows>> runStage(mlir::Operation *stage, std::vector<Datum> inputs, SessionState &session);

private:
  mlir::FailureOr<std::vector<Rows>> run(mlir::Block &block, std::vector<Datum> inputs, SessionState &session);

  mlir::ModuleOp module;
  WeightSource &weights;
  bool bounds;
};

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_INTERPRETER_H
