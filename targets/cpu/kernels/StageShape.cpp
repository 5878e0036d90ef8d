//===- StageShape.cpp - Which columns a stage computes together -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Both walks go from a sink towards the cores, following the window of columns
// that the sink needs; `columns` shifts the window, everything else keeps it.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/StageShape.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "targets/cpu/layout/CacheOrder.h"
#include "llvm/ADT/StringExtras.h"
#include <map>
#include <numeric>
#include <set>

using namespace mlir;

namespace phic {
namespace {

/// Ops that a region holds as they are, on fewer columns.
bool hasExpression(Operation *op) { return isElementwise(op) || isNorm(op); }

/// Operands that are rows of activations, as opposed to weights.
bool isRows(OpOperand &operand) { return roleOf(operand) == phiq::OperandRole::Rows; }

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
      if (isRows(operand) && failed(visit(operand.get(), begin)))
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

namespace {

/// Writes a group's operations into a function.
class RegionPlanner {
public:
  RegionPlanner(const ColumnGroup &group, int64_t width)
      : group(group), width(width), b(group.sinks.front().value.getContext()) {
    plan.function = func::FuncOp::create(b.getUnknownLoc(), "rows", b.getFunctionType({}, {}));
    plan.function->setPrivate();
    b.setInsertionPointToStart(plan.function->addEntryBlock());
  }

  RegionPlan run() {
    for (const Sink &sink : group.sinks) {
      // Results may lie one on another's operands: all values first.
      auto quantize = sink.value.getDefiningOp<phiq::QuantizeOp>();
      values.push_back(build(quantize ? quantize.getX() : sink.value, 0,
                             /*selected=*/false));
    }
    for (auto [sink, value] : llvm::zip(group.sinks, values))
      addOutput(sink, value);
    finish();
    return std::move(plan);
  }

private:
  using Source = RegionArgument::Source;

  Value build(Value value, int64_t begin, bool selected) {
    auto known = built.find({value.getAsOpaquePointer(), begin});
    if (known != built.end())
      return known->second;
    Value result = buildNew(value, begin, selected);
    built[{value.getAsOpaquePointer(), begin}] = result;
    return result;
  }

  Value buildNew(Value value, int64_t begin, bool selected) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return row(
          {.source = selected ? Source::SelectedRows : Source::Rows, .index = argumentIndex(value), .begin = begin});
    if (isCore(op)) {
      const CoreUse *use = llvm::find(group.cores, CoreUse{op, begin});
      return row({.source = Source::Core, .index = unsigned(use - group.cores.begin())});
    }
    if (auto columns = dyn_cast<phiq::ColumnsOp>(op))
      return build(columns.getX(), begin + columns.getBegin(), selected);
    if (auto select = dyn_cast<phiq::LogitRowsOp>(op))
      return build(select.getX(), begin, /*selected=*/true);
    if (auto rope = dyn_cast<phiq::RopeOp>(op))
      return buildRope(rope, begin, selected);
    IRMapping operands;
    for (OpOperand &operand : op->getOpOperands())
      operands.map(operand.get(),
                   isRows(operand) ? build(operand.get(), begin, selected) : vector(operand.get(), begin));
    Operation *copy = b.clone(*op, operands);
    copy->getResult(0).setType(rowType(b.getF32Type()));
    return copy->getResult(0);
  }

  Value buildRope(phiq::RopeOp rope, int64_t begin, bool selected) {
    Value x = build(rope.getX(), begin, selected);
    auto table = [&](Value table, Value longTable) {
      RegionArgument argument{.source = Source::RopeRow, .index = argumentIndex(table)};
      argument.tableColumns = columnsOf(table);
      if (longTable) {
        argument.longIndex = int(argumentIndex(longTable));
        argument.threshold = *rope.getThreshold();
      }
      return input(argument, RankedTensorType::get({1, argument.tableColumns}, b.getF32Type()));
    };
    Value cos = table(rope.getCos(), rope.getLongCos()), sin = table(rope.getSin(), rope.getLongSin());
    return phiq::RopeOp::create(b, rope.getLoc(), x.getType(), x, cos, sin,
                                /*long_cos=*/Value(), /*long_sin=*/Value(), uint64_t(width), rope.getInterleaved(),
                                /*threshold=*/IntegerAttr());
  }

  /// A vector of the model: its columns of the group, or the one element that stands for all.
  Value vector(Value value, int64_t begin) {
    const bool isOne = columnsOf(value) == 1;
    return input({.source = isOne ? Source::Scalar : Source::Vector, .index = argumentIndex(value), .begin = begin},
                 RankedTensorType::get({isOne ? 1 : width}, b.getF32Type()));
  }

  static unsigned argumentIndex(Value value) { return cast<BlockArgument>(value).getArgNumber(); }
  RankedTensorType rowType(Type element) { return RankedTensorType::get({1, width}, element); }

  Value input(RegionArgument argument, Type type) {
    plan.arguments.push_back(argument);
    return plan.function->getBody().addArgument(type, b.getUnknownLoc());
  }
  Value row(RegionArgument argument) { return input(argument, rowType(b.getF32Type())); }

  void addOutput(Sink sink, Value value) {
    if (sink.append) {
      auto cache = SymbolTable::lookupNearestSymbolFrom<phiq::CacheOp>(sink.append, sink.append.getCacheAttr());
      bool isKeys = sink.kind == Sink::Kind::Keys;
      plan.arguments.push_back({.source = isKeys ? Source::Keys : Source::Values});
      if (cache.getElement().isF16())
        value = arith::TruncFOp::create(b, sink.append.getLoc(), rowType(b.getF16Type()), value);
      // Eight keys lie side by side: an element's neighbour is 8 elements away.
      results.push_back({value, isKeys ? kKeyGroup : 1});
      return;
    }
    if (int64_t block = blockOf(sink.value)) {
      for (Source source : {Source::Codes, Source::Scales, Source::Sums})
        plan.arguments.push_back({.source = source, .index = sink.index, .block = block});
      Type element = cast<ShapedType>(sink.value.getType()).getElementType();
      value = phiq::QuantizeOp::create(b, sink.value.getLoc(), rowType(element), value, /*scale=*/Value(),
                                       /*zero=*/IntegerAttr());
    } else {
      plan.arguments.push_back({.source = Source::Floats, .index = sink.index});
    }
    results.push_back({value, 1});
  }

  void finish() {
    llvm::SmallVector<Value> returned;
    for (auto [value, step] : results)
      returned.push_back(value);
    func::ReturnOp::create(b, b.getUnknownLoc(), returned);
    func::FuncOp function = *plan.function;
    function.setFunctionType(b.getFunctionType(function.getBody().getArgumentTypes(), ValueRange(returned).getTypes()));
    for (auto [index, result] : llvm::enumerate(results))
      if (result.second != 1)
        function.setResultAttr(unsigned(index), RowRegion::kStep, b.getI64IntegerAttr(result.second));
  }

  const ColumnGroup &group;
  const int64_t width;
  OpBuilder b;
  RegionPlan plan;
  std::map<std::pair<const void *, int64_t>, Value> built;
  llvm::SmallVector<Value> values;
  llvm::SmallVector<std::pair<Value, int64_t>> results; ///< with the distance of neighbours
};

} // namespace

RegionPlan planRegion(const ColumnGroup &group, int64_t width) { return RegionPlanner(group, width).run(); }

std::string epilogueName(const ColumnGroup &group) {
  RegionPlan plan = planRegion(group, group.headDim ? group.headDim : group.columns);
  llvm::SmallVector<std::string> names;
  auto add = [&](StringRef name) {
    if (!llvm::is_contained(names, name))
      names.push_back(name.str());
  };
  for (auto op : plan.function->getOps<phiq::RowOpInterface>())
    if (op.getFacts().work != phiq::RowWork::Quantize)
      add(op.getFacts().name);
  for (const Sink &sink : group.sinks)
    if (sink.append)
      add("append");
  return names.empty() ? "none" : llvm::join(names, "_");
}

} // namespace phic
