//===- RegionPlan.cpp - A group's row operations as a region --- -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks from a sink towards the cores, as ColumnGroups.cpp does, and writes down what it meets.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/RegionPlan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/IRMapping.h"
#include "targets/layout/CacheOrder.h"
#include "llvm/ADT/StringExtras.h"
#include <map>

using namespace mlir;

namespace phic {
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
                   isActivations(operand) ? build(operand.get(), begin, selected) : vector(operand.get(), begin));
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
