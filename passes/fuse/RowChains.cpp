//===- RowChains.cpp - Which rows go through several ops at once -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/fuse/RowChains.h"
#include "dialects/phiq/RowChain.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic {
namespace {

/// Ops of a chain: as many maps as its kernel's registers and code bear.
constexpr size_t kMostOps = 32;
/// What the rows of a tile may take: half a second-level cache of 512 KiB. The factors of both contractions are put in order for
/// each tile, which costs what a few rows do, so that a tile has some.
constexpr int64_t kRowsBytes = 256 << 10, kFewestRows = 32;
/// A contraction alone is divided along its columns, too. Where there are fewer tiles of so few rows, threads would wait for
/// each other over many scores: 3 times 30 rows of 1900 took 1.6 times as long on two threads.
constexpr int64_t kEnoughTiles = 16, kFewScores = 32 << 10;

/// The contraction, all that is made of its result up to the next contraction, and what goes with those.
SmallVector<Operation *> opsFrom(phiq::ContractOp first) {
  llvm::SetVector<Operation *> found;
  found.insert(first);
  for (size_t i = 0; i < found.size() && found.size() <= kMostOps; ++i) {
    if (i > 0 && isa<phiq::ContractOp>(found[i]))
      continue;
    found.insert_range(readersOf(found[i]));
    for (Value operand : found[i]->getOperands())
      if (i > 0 && goesWithReader(operand.getDefiningOp()))
        found.insert(operand.getDefiningOp());
  }
  SmallVector<Operation *> ops = found.takeVector();
  llvm::sort(ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  // What goes with a map may stand before the contraction.
  auto at = llvm::find(ops, first.getOperation());
  std::rotate(ops.begin(), at, at + 1);
  return ops;
}

/// Whether tiles are enough and have rows enough.
bool pays(const RowChain &chain) {
  phiq::ContractOp first = chain.first, last = chain.last;
  const int64_t scores = first.getType().getNumElements();
  if (scores == 0 || last.getType().getNumElements() == 0)
    return false;
  const int64_t rows = first.getRows();
  const int64_t tiles = first.getBatch() * int64_t(llvm::divideCeil(uint64_t(rows), uint64_t(kFewestRows)));
  return (tiles >= kEnoughTiles || scores <= kFewScores) &&
         std::min(rows, kFewestRows) * (first.getColumns() + last.getColumns()) * 4 <= kRowsBytes;
}

} // namespace

bool goesWithReader(Operation *op) {
  if (!op || !makesFloatsOfCodes(op) || !op->hasOneUse())
    return false;
  auto reader = dyn_cast<phiq::MapOp>(*op->getUsers().begin());
  return reader && shapeOf(reader.getResult()) == shapeOf(op->getResult(0));
}

RowChains::RowChains(Block &model) {
  for (auto first : model.getOps<phiq::ContractOp>()) {
    if (!first.getBatched() || numbers.contains(first))
      continue;
    SmallVector<Operation *> ops = opsFrom(first);
    if (ops.size() > kMostOps)
      continue;
    std::optional<RowChain> chain = RowChain::of(ops);
    if (!chain || chain->behind.size() != 1 || !pays(*chain))
      continue;
    for (Operation *op : ops)
      numbers[op] = unsigned(chains.size());
    chains.push_back(std::move(ops));
  }
}

ArrayRef<Operation *> RowChains::chainOf(Operation *op) const {
  auto found = numbers.find(op);
  return found == numbers.end() ? ArrayRef<Operation *>() : ArrayRef<Operation *>(chains[found->second]);
}

} // namespace phic
