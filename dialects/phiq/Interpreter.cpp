//===- Interpreter.cpp - What every op means -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The walk over a region. The meanings of ops are in RowMeanings.cpp,
// AttentionMeanings.cpp and, for weights, below.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Interpreter.h"
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/Meanings.h"
#include "dialects/phiq/RowOps.h"
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

const Rows &Scope::rows(Value value) {
  Datum &datum = data.find(value)->second;
  if (!datum.weight || datum.rows.size() > 0)
    return datum.rows;
  if (auto constant = dyn_cast<phiq::ConstantOp>(datum.weight)) {
    datum.rows = numbersOf(constant.getValue());
  } else {
    Rows &rows = datum.rows = roomFor(value.getType());
    std::vector<float> values(size_t(rows.size()));
    weights.dequantizeRows(datum.weight, 0, rows.rows, values.data());
    if (rows.integers.empty())
      rows.values = std::move(values);
    else
      llvm::transform(values, rows.integers.begin(), [](float number) { return int64_t(number); });
  }
  return datum.rows;
}

std::vector<float> Scope::vector(Value weight) const {
  auto type = cast<ShapedType>(weight.getType());
  if (auto constant = dyn_cast_or_null<phiq::ConstantOp>(get(weight).weight))
    return numbersOf(constant.getValue()).values;
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
    cache.element = phiq::scalarOf(op.getElement());
    cache.keys.columns = cache.values.columns = cache.heads * cache.headDim;
  }
  return cache;
}

//===----------------------------------------------------------------------===//
// Ops on weights
//===----------------------------------------------------------------------===//

Rows phiq::MatmulOp::meaning(Scope &scope) {
  const Rows &lhs = scope.rows(getLhs());
  const std::vector<double> x = lhs.exactValues();
  Rows result(lhs.rows, getType().getDimSize(1));
  std::vector<float> weight(size_t(lhs.columns), 0.0f);
  for (int64_t n = 0; n < result.columns; ++n) {
    scope.weightRows(getRhs(), n, 1, weight.data());
    for (int64_t i = 0; i < lhs.rows; ++i) {
      double sum = 0;
      for (int64_t k = 0; k < lhs.columns; ++k)
        sum += x[size_t(i * lhs.columns + k)] * weight[size_t(k)];
      result.row(i)[n] = float(sum);
    }
  }
  return result;
}

Rows phiq::TransposeOp::meaning(Scope &scope) {
  auto type = cast<ShapedType>(getType());
  Rows result(type.getDimSize(0), type.getDimSize(1));
  std::vector<float> weight(size_t(result.rows), 0.0f);
  for (int64_t k = 0; k < result.columns; ++k) {
    scope.weightRows(getW(), k, 1, weight.data());
    for (int64_t n = 0; n < result.rows; ++n)
      result.row(n)[k] = weight[size_t(n)];
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Blocks of ops
//===----------------------------------------------------------------------===//

namespace {

/// A weight stays a handle, also dequantized: ops read its rows when they need them.
Operation *handleOf(Operation *op, const Scope &scope) {
  if (isWeight(op))
    return op;
  auto dequantize = dyn_cast<phiq::DequantizeOp>(op);
  return dequantize ? scope.get(dequantize.getX()).weight : nullptr;
}

/// Gives the result of `op` to the scope, with how far a kernel may be from it.
LogicalResult run(Operation *op, Scope &scope) {
  Datum datum;
  datum.weight = handleOf(op, scope);
  auto interpreted = dyn_cast<phiq::MeaningInterface>(op);
  if (!datum.weight && !interpreted)
    return op->emitError("op '") << op->getName() << "' has no meaning in the interpreter";
  if (!datum.weight) {
    datum.rows = interpreted.meaning(scope);
    if (scope.bounds)
      interpreted.bound(scope, datum.rows);
  }
  if (op->getNumResults())
    scope.set(op->getResult(0), std::move(datum));
  return success();
}

/// Interprets the ops of a block up to its terminator, and returns the terminator's values.
FailureOr<std::vector<Datum>> runBlock(Block &block, std::vector<Datum> arguments, Scope &scope);

/// A stage: an op that means its block, on its operands and on nothing else.
bool isStage(Operation *op) {
  return op->hasTrait<OpTrait::SingleBlock>() && op->hasTrait<OpTrait::IsIsolatedFromAbove>();
}

LogicalResult runStageIn(Operation *stage, Scope &outer) {
  std::vector<Datum> inputs;
  for (Value input : stage->getOperands())
    inputs.push_back(outer.get(input));
  Scope scope(outer.module, outer.weights, outer.session, outer.bounds);
  FailureOr<std::vector<Datum>> results = runBlock(stage->getRegion(0).front(), std::move(inputs), scope);
  if (failed(results))
    return failure();
  for (auto [value, datum] : llvm::zip_equal(stage->getResults(), *results))
    outer.set(value, std::move(datum));
  return success();
}

FailureOr<std::vector<Datum>> runBlock(Block &block, std::vector<Datum> arguments, Scope &scope) {
  for (auto [argument, datum] : llvm::zip_equal(block.getArguments(), arguments))
    scope.set(argument, std::move(datum));
  for (Operation &op : block.without_terminator()) {
    if (failed(isStage(&op) ? runStageIn(&op, scope) : run(&op, scope)))
      return failure();
  }
  std::vector<Datum> results;
  for (Value value : block.getTerminator()->getOperands()) {
    if (scope.get(value).weight) // what is returned has numbers
      scope.rows(value);
    results.push_back(scope.get(value));
  }
  return results;
}

} // namespace

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

FailureOr<std::vector<Rows>> Interpreter::run(Block &block, std::vector<Datum> inputs, SessionState &session) {
  Scope scope(module, weights, session, bounds);
  FailureOr<std::vector<Datum>> results = runBlock(block, std::move(inputs), scope);
  if (failed(results))
    return failure();
  std::vector<Rows> rows;
  for (Datum &datum : *results)
    rows.push_back(std::move(datum.rows));
  return rows;
}

FailureOr<Rows> Interpreter::runModel(ArrayRef<int32_t> tokens, SessionState &session) {
  func::FuncOp model = modelFunction(module);
  if (!model)
    return module.emitError("no function 'model' to interpret");
  session.total = std::max(session.total, session.past + int64_t(tokens.size()));
  std::vector<Datum> arguments(1);
  arguments[0].ids.assign(tokens.begin(), tokens.end());
  FailureOr<std::vector<Rows>> results = run(model.getBody().front(), std::move(arguments), session);
  if (failed(results))
    return failure();
  session.past += int64_t(tokens.size());
  return std::move(results->front());
}

FailureOr<std::vector<Rows>> Interpreter::runGraph(std::vector<Rows> inputs) {
  func::FuncOp model = modelFunction(module);
  assert(model && model.getNumArguments() == inputs.size());
  std::vector<Datum> arguments(inputs.size());
  for (auto [datum, rows] : llvm::zip_equal(arguments, inputs))
    datum.rows = std::move(rows);
  SessionState session; // of no use without steps
  return run(model.getBody().front(), std::move(arguments), session);
}

FailureOr<std::vector<Rows>> Interpreter::runStage(Operation *stage, std::vector<Datum> inputs, SessionState &session) {
  assert(isStage(stage));
  return run(stage->getRegion(0).front(), std::move(inputs), session);
}

} // namespace phic
