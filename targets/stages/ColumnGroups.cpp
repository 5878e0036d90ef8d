//===- ColumnGroups.cpp - Which columns a stage computes together -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks from a sink towards the cores, following the window of columns that the sink
// needs; `columns` shifts the window, everything else keeps it.
//===----------------------------------------------------------------------===//
#include "targets/stages/ColumnGroups.h"
#include <numeric>
#include <set>

using namespace mlir;

namespace phic {
namespace {

/// Ops that a region holds as they are, on fewer columns.
bool hasExpression(Operation *op) { return isElementwise(op) || isNorm(op); }

/// Follows one sink to its cores.
class GroupFinder {
public:
  explicit GroupFinder(ColumnGroup &group) : group(group) {}
  /// After a failure.
  LackingKernel lacking() const { return {offender, reason}; }

  LogicalResult visit(Value value, int64_t begin) {
    Operation *op = value.getDefiningOp();
    if (!op || !seen.insert({value.getAsOpaquePointer(), begin}).second)
      return success();
    if (isCore(op)) {
      if (begin % 8 != 0)
        return refuse(op, "is read from column " + llvm::Twine(begin) + " on: kernels begin at multiples of 8");
      group.cores.push_back({op, begin});
      return success();
    }
    if (auto columns = dyn_cast<phiq::ColumnsOp>(op))
      return visit(columns.getX(), begin + columns.getBegin());
    if (auto rope = dyn_cast<phiq::RopeOp>(op))
      return failed(setHeadDim(op, rope.getHeadDim(), begin)) ? failure() : visit(rope.getX(), begin);
    if (!hasExpression(op) && !hasWork(op, phiq::RowWork::Select) && !hasWork(op, phiq::RowWork::Quantize))
      return refuse(op, "has no row operation in a kernel");
    for (OpOperand &operand : op->getOpOperands())
      if (isActivations(operand) && failed(visit(operand.get(), begin)))
        return failure();
    return success();
  }

  LogicalResult setHeadDim(Operation *op, int64_t headDim, int64_t begin) {
    if (begin % headDim != 0)
      return refuse(op, "has heads of " + llvm::Twine(headDim) + " elements, one of which begins before column " +
                            llvm::Twine(begin));
    if (group.headDim != 0 && group.headDim != headDim)
      return refuse(op, "has heads of " + llvm::Twine(headDim) + " elements, what comes of it heads of " +
                            llvm::Twine(group.headDim));
    group.headDim = headDim;
    return success();
  }

private:
  LogicalResult refuse(Operation *op, const llvm::Twine &why) {
    offender = op;
    reason = why.str();
    return failure();
  }

  ColumnGroup &group;
  Operation *offender = nullptr;
  std::string reason;
  std::set<std::pair<const void *, int64_t>> seen;
};

llvm::SmallVector<Sink> findSinks(plan::StageOp stage) {
  llvm::SmallVector<Sink> sinks;
  Block &body = stage.getBody().front();
  for (auto [index, value] : llvm::enumerate(body.getTerminator()->getOperands()))
    sinks.push_back({Sink::Kind::Result, value, unsigned(index)});
  for (auto append : body.getOps<phiq::CacheAppendOp>()) {
    sinks.push_back({Sink::Kind::Keys, append.getKeys(), 0, append});
    sinks.push_back({Sink::Kind::Values, append.getValues(), 0, append});
  }
  return sinks;
}

int64_t headDimOf(phiq::CacheAppendOp append) {
  return SymbolTable::lookupNearestSymbolFrom<phiq::CacheOp>(append, append.getCacheAttr()).getHeadDim();
}

} // namespace

int64_t blockOf(Value value) {
  auto type = dyn_cast<phiq::BlockType>(cast<ShapedType>(value.getType()).getElementType());
  return type ? type.getFormat().block : 0;
}

bool ColumnGroup::isPlain() const {
  return sinks.size() == 1 && sinks[0].kind == Sink::Kind::Result && sinks[0].value.getDefiningOp() &&
         isCore(sinks[0].value.getDefiningOp());
}

namespace {

/// What there is no kernel for, or nothing where `groups` are all.
std::optional<LackingKernel> findGroups(plan::StageOp stage, llvm::SmallVector<ColumnGroup> &groups) {
  for (const Sink &sink : findSinks(stage)) {
    ColumnGroup group;
    group.sinks = {sink};
    group.columns = columnsOf(sink.value);
    GroupFinder finder(group);
    if ((sink.append && failed(finder.setHeadDim(sink.append, headDimOf(sink.append), 0))) ||
        failed(finder.visit(sink.value, 0)))
      return finder.lacking();
    if (group.headDim)
      group.unit = group.headDim;
    if (int64_t block = blockOf(sink.value))
      group.unit = group.headDim ? std::lcm(group.headDim, block) : block;
    ColumnGroup *same = llvm::find_if(groups, [&](const ColumnGroup &other) {
      return other.cores == group.cores && other.columns == group.columns && other.headDim == group.headDim;
    });
    if (same == groups.end()) {
      groups.push_back(std::move(group));
    } else {
      same->sinks.push_back(sink);
      same->unit = std::lcm(same->unit, group.unit);
    }
  }
  return std::nullopt;
}

} // namespace

FailureOr<llvm::SmallVector<ColumnGroup>> findColumnGroups(plan::StageOp stage) {
  llvm::SmallVector<ColumnGroup> groups;
  std::optional<LackingKernel> lacking = findGroups(stage, groups);
  if (lacking)
    return lacking->op->emitError(lacking->reason);
  return groups;
}

std::optional<LackingKernel> findLacking(plan::StageOp stage) {
  Block &body = stage.getBody().front();
  for (auto attend : body.getOps<phiq::AttendOp>())
    if (const int64_t headDim = columnsOf(attend.getResult()) / int64_t(attend.getHeads()); headDim % 8)
      return LackingKernel{attend,
                           "has heads of " + std::to_string(headDim) + " elements: kernels take multiples of 8"};
  if (body.getOps<phiq::AttendOp>().empty() && body.getOps<phiq::MatmulOp>().empty())
    return std::nullopt;
  llvm::SmallVector<ColumnGroup> groups;
  return findGroups(stage, groups);
}

} // namespace phic
