//===- RowChain.cpp - Rows made of rows made of rows -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/phiq/RowChain.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;

namespace phic {
namespace {

/// Whether x shows those rows, one by one.
bool showsRows(Value x, Value rows) {
  ArrayRef<int64_t> seen = shapeOf(x), made = shapeOf(rows);
  return throughReshapes(x) == throughReshapes(rows) && !seen.empty() && seen.back() == made.back();
}

/// Finds out, op by op, whether they are a chain.
class Reader {
public:
  explicit Reader(ArrayRef<Operation *> ops) : inside(ops.begin(), ops.end()) {}

  bool begin(phiq::ContractOp first) {
    chain.first = first;
    chain.steps.push_back({first.getResult()});
    return first.getBatched() && isReadInside(first);
  }

  bool take(Operation *op) {
    RowChain::Step &step = chain.steps.back();
    if (auto contract = dyn_cast<phiq::ContractOp>(op)) {
      step.reader = chain.last = contract;
      return contract.getBatched() && readsRows(op) && multipliesLikeFirst();
    }
    if (!isReadInside(op))
      return false;
    if (auto map = dyn_cast<phiq::MapOp>(op))
      return takeMap(map);
    if (!isa<phiq::SoftmaxOp, phiq::NormalizeOp>(op) || !readsRows(op))
      return false;
    step.reader = op;
    chain.steps.push_back({op->getResult(0)});
    return true;
  }

  RowChain chain;

private:
  bool isMadeInside(Value x) const { return inside.contains(throughReshapes(x).getDefiningOp()); }
  bool isReadInside(Operation *op) const {
    return llvm::all_of(readersOf(op), [&](Operation *reader) { return inside.contains(reader); });
  }

  /// What a map reads of the chain is its step's, and the rows all maps see alike.
  bool takeMap(phiq::MapOp map) {
    RowChain::Step &step = chain.steps.back();
    for (Value x : map.getXs()) {
      if (!isMadeInside(x) || llvm::is_contained(step.maps, x.getDefiningOp()) || x == step.rows)
        continue;
      if (!step.maps.empty() || !showsRows(x, step.rows))
        return false;
      step.rows = x;
    }
    step.maps.push_back(map);
    return shapeOf(map.getResult()) == shapeOf(step.rows);
  }

  /// A reshape may put rows of one product into another: both contractions must have the same rows in each.
  bool multipliesLikeFirst() {
    return chain.last.getBatch() == chain.first.getBatch() && chain.last.getRows() == chain.first.getRows();
  }

  /// Whether an op reads what the step makes first, and nothing else of the chain.
  bool readsRows(Operation *op) const {
    return showsRows(op->getOperand(0), chain.steps.back().made()) &&
           llvm::none_of(llvm::drop_begin(op->getOperands()), [&](Value x) { return isMadeInside(x); });
  }

  llvm::SmallPtrSet<Operation *, 16> inside;
};

} // namespace

SmallVector<Operation *> readersOf(Operation *op) {
  SmallVector<Operation *> readers;
  for (Operation *user : op->getUsers())
    if (isa<phiq::ReshapeOp>(user))
      llvm::append_range(readers, readersOf(user));
    else
      readers.push_back(user);
  return readers;
}

std::optional<RowChain> RowChain::of(ArrayRef<Operation *> ops) {
  auto first = ops.empty() ? phiq::ContractOp() : dyn_cast<phiq::ContractOp>(ops.front());
  Reader reader(ops);
  if (!first || !reader.begin(first))
    return std::nullopt;
  for (Operation *op : ops.drop_front()) {
    if (!reader.chain.last && !reader.take(op))
      return std::nullopt;
    if (reader.chain.last)
      reader.chain.behind.push_back(op);
  }
  return reader.chain.last ? std::optional(std::move(reader.chain)) : std::nullopt;
}

std::optional<RowChain> RowChain::of(Block &body) {
  SmallVector<Operation *> ops;
  for (Operation &op : body.without_terminator())
    if (!isa<phiq::ReshapeOp>(op))
      ops.push_back(&op);
  return of(ops);
}

} // namespace phic
