//===- Interpreter.cpp - What every op means -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table from ops to their meanings, and the walk over a region. The meanings
// are in RowMeanings.cpp, AttentionMeanings.cpp and, for weights, below.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Interpreter.h"
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Meanings.h"
#include "dialects/plan/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;

namespace phic {

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

std::vector<double> Rows::exactValues() const {
  std::vector<double> exact(values.begin(), values.end());
  if (block > 0)
    for (int64_t i = 0; i < int64_t(exact.size()); ++i)
      exact[size_t(i)] =
          double(scales[size_t(i / columns * blocks() + i % columns / block)]) * (codes[size_t(i)] - zero);
  return exact;
}

void Scope::weightRows(Value weight, int64_t n0, int64_t count, float *values) const {
  const Datum &datum = get(weight);
  if (datum.weight)
    weights.dequantizeRows(datum.weight, n0, count, values);
  else
    std::copy(datum.rows.row(n0), datum.rows.row(n0 + count), values);
}

std::vector<float> Scope::vector(Value weight) const {
  auto type = cast<ShapedType>(weight.getType());
  std::vector<float> values(size_t(type.getNumElements()));
  weightRows(weight, 0, 1, values.data());
  return values;
}

CacheState &Scope::cache(StringRef name) {
  auto [entry, isNew] = session.caches.try_emplace(name);
  CacheState &cache = entry->second;
  if (isNew) {
    auto op = module.lookupSymbol<phiq::CacheOp>(name);
    assert(op && "verified: the symbol names a cache");
    cache.heads = op.getHeads();
    cache.headDim = op.getHeadDim();
    cache.element = op.getElement().isF16() ? Scalar::F16 : op.getElement().isBF16() ? Scalar::BF16 : Scalar::F32;
    cache.keys.columns = cache.values.columns = cache.heads * cache.headDim;
  }
  return cache;
}

//===----------------------------------------------------------------------===//
// Ops on weights
//===----------------------------------------------------------------------===//

Rows meaning::matmul(phiq::MatmulOp op, Scope &scope) {
  const Rows &lhs = scope.rows(op.getLhs());
  const std::vector<double> x = lhs.exactValues();
  Rows result(lhs.rows, op.getType().getDimSize(1));
  std::vector<float> weight(size_t(lhs.columns), 0.0f);
  for (int64_t n = 0; n < result.columns; ++n) {
    scope.weightRows(op.getRhs(), n, 1, weight.data());
    for (int64_t i = 0; i < lhs.rows; ++i) {
      double sum = 0;
      for (int64_t k = 0; k < lhs.columns; ++k)
        sum += x[size_t(i * lhs.columns + k)] * weight[size_t(k)];
      result.row(i)[n] = float(sum);
    }
  }
  return result;
}

Rows meaning::transpose(phiq::TransposeOp op, Scope &scope) {
  auto type = cast<ShapedType>(op.getType());
  Rows result(type.getDimSize(0), type.getDimSize(1));
  std::vector<float> weight(size_t(result.rows), 0.0f);
  for (int64_t k = 0; k < result.columns; ++k) {
    scope.weightRows(op.getW(), k, 1, weight.data());
    for (int64_t n = 0; n < result.rows; ++n)
      result.row(n)[k] = weight[size_t(n)];
  }
  return result;
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

namespace {

/// Gives the results of `op` to the scope.
using Meaning = void (*)(Operation *op, Scope &scope);

/// A weight stays a handle; ops read its rows when they need them.
void handle(Operation *op, Scope &scope) {
  Datum datum;
  datum.weight = op;
  scope.set(op->getResult(0), std::move(datum));
}

/// An op without result.
template <typename Op, void (*function)(Op, Scope &)> void effect(Operation *op, Scope &scope) {
  function(cast<Op>(op), scope);
}

/// An op with one result: its value, and how far a kernel may be from it.
template <typename Op, Rows (*value)(Op, Scope &), void (*bound)(Op, Scope &, Rows &)>
void result(Operation *op, Scope &scope) {
  Datum datum;
  datum.rows = value(cast<Op>(op), scope);
  if (scope.bounds)
    bound(cast<Op>(op), scope, datum.rows);
  scope.set(op->getResult(0), std::move(datum));
}

/// Floats of a weight are what reading it gives; floats of activations are their values.
void dequantize(Operation *op, Scope &scope) {
  auto dequantize = cast<phiq::DequantizeOp>(op);
  if (Operation *weight = scope.get(dequantize.getX()).weight) {
    Datum datum;
    datum.weight = weight;
    return scope.set(dequantize.getResult(), std::move(datum));
  }
  result<phiq::DequantizeOp, meaning::dequantize, bound::dequantize>(op, scope);
}

struct TableRow {
  StringRef name;
  Meaning meaning;
};

template <typename Op> TableRow row(Meaning meaning) { return {Op::getOperationName(), meaning}; }

const TableRow *meaningOf(Operation *op) {
  static const TableRow table[] = {
      row<phiq::WeightOp>(handle),
      row<phiq::RopeTableOp>(handle),
      row<phiq::TransposeOp>(result<phiq::TransposeOp, meaning::transpose, bound::transpose>),
      row<phiq::EmbedOp>(result<phiq::EmbedOp, meaning::embed, bound::embed>),
      row<phiq::RmsNormOp>(result<phiq::RmsNormOp, meaning::rmsNorm, bound::rmsNorm>),
      row<phiq::LayerNormOp>(result<phiq::LayerNormOp, meaning::layerNorm, bound::layerNorm>),
      row<phiq::MatmulOp>(result<phiq::MatmulOp, meaning::matmul, bound::matmul>),
      row<phiq::BiasOp>(result<phiq::BiasOp, meaning::bias, bound::bias>),
      row<phiq::RopeOp>(result<phiq::RopeOp, meaning::rope, bound::rope>),
      row<phiq::CacheAppendOp>(effect<phiq::CacheAppendOp, meaning::cacheAppend>),
      row<phiq::AttendOp>(result<phiq::AttendOp, meaning::attend, bound::attend>),
      row<phiq::SigmoidOp>(result<phiq::SigmoidOp, meaning::sigmoid, bound::sigmoid>),
      row<phiq::SiluOp>(result<phiq::SiluOp, meaning::silu, bound::silu>),
      row<phiq::GeluOp>(result<phiq::GeluOp, meaning::gelu, bound::gelu>),
      row<phiq::GeluTanhOp>(result<phiq::GeluTanhOp, meaning::geluTanh, bound::geluTanh>),
      row<phiq::ColumnsOp>(result<phiq::ColumnsOp, meaning::columns, bound::columns>),
      row<phiq::LogitRowsOp>(result<phiq::LogitRowsOp, meaning::logitRows, bound::logitRows>),
      row<phiq::QuantizeOp>(result<phiq::QuantizeOp, meaning::quantize, bound::quantize>),
      row<phiq::SnapOp>(result<phiq::SnapOp, meaning::snap, bound::snap>),
      row<phiq::DequantizeOp>(dequantize),
      row<arith::AddFOp>(result<arith::AddFOp, meaning::add, bound::add>),
      row<arith::MulFOp>(result<arith::MulFOp, meaning::multiply, bound::multiply>),
  };
  for (const TableRow &row : table)
    if (row.name == op->getName().getStringRef())
      return &row;
  return nullptr;
}

/// Interprets the ops of a block up to its terminator, and returns the terminator's values.
FailureOr<std::vector<Datum>> runBlock(Block &block, std::vector<Datum> arguments, Scope &scope);

/// A stage is its region on its inputs.
LogicalResult runStageIn(plan::StageOp stage, Scope &outer) {
  std::vector<Datum> inputs;
  for (Value input : stage.getInputs())
    inputs.push_back(outer.get(input));
  Scope scope(outer.module, outer.weights, outer.session, outer.bounds);
  FailureOr<std::vector<Datum>> results = runBlock(stage.getBody().front(), std::move(inputs), scope);
  if (failed(results))
    return failure();
  for (auto [value, datum] : llvm::zip_equal(stage.getResults(), *results))
    outer.set(value, std::move(datum));
  return success();
}

FailureOr<std::vector<Datum>> runBlock(Block &block, std::vector<Datum> arguments, Scope &scope) {
  for (auto [argument, datum] : llvm::zip_equal(block.getArguments(), arguments))
    scope.set(argument, std::move(datum));
  for (Operation &op : block.without_terminator()) {
    if (auto stage = dyn_cast<plan::StageOp>(op)) {
      if (failed(runStageIn(stage, scope)))
        return failure();
    } else if (const TableRow *row = meaningOf(&op)) {
      row->meaning(&op, scope);
    } else {
      return op.emitError("op '") << op.getName() << "' has no meaning in the interpreter";
    }
  }
  std::vector<Datum> results;
  for (Value value : block.getTerminator()->getOperands())
    results.push_back(scope.get(value));
  return results;
}

} // namespace

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

FailureOr<Rows> Interpreter::runModel(ArrayRef<int32_t> tokens, SessionState &session) {
  auto model = module.lookupSymbol<func::FuncOp>("model");
  if (!model)
    return module.emitError("no function 'model' to interpret");
  session.total = std::max(session.total, session.past + int64_t(tokens.size()));
  Scope scope(module, weights, session, bounds);
  std::vector<Datum> arguments(1);
  arguments[0].ids.assign(tokens.begin(), tokens.end());
  FailureOr<std::vector<Datum>> results = runBlock(model.getBody().front(), std::move(arguments), scope);
  if (failed(results))
    return failure();
  session.past += int64_t(tokens.size());
  return std::move(results->front().rows);
}

FailureOr<std::vector<Rows>> Interpreter::runStage(plan::StageOp stage, std::vector<Datum> inputs,
                                                   SessionState &session) {
  Scope scope(module, weights, session, bounds);
  FailureOr<std::vector<Datum>> results = runBlock(stage.getBody().front(), std::move(inputs), scope);
  if (failed(results))
    return failure();
  std::vector<Rows> rows;
  for (Datum &datum : *results)
    rows.push_back(std::move(datum.rows));
  return rows;
}

} // namespace phic
