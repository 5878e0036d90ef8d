//===- StageShape.cpp - Which columns a stage computes together -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Both walks go from a sink towards the cores, following the window of columns
// that the sink needs; `columns` shifts the window, everything else keeps it.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/StageShape.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/StringExtras.h"
#include <map>
#include <numeric>
#include <set>

using namespace mlir;

namespace phic {
namespace {

std::optional<RowOp> plainRowOp(Operation *op) {
  return llvm::TypeSwitch<Operation *, std::optional<RowOp>>(op)
      .Case<arith::AddFOp, phiq::BiasOp>([](auto) { return RowOp::Add; })
      .Case<arith::MulFOp>([](auto) { return RowOp::Mul; })
      .Case<phiq::SigmoidOp>([](auto) { return RowOp::Sigmoid; })
      .Case<phiq::SiluOp>([](auto) { return RowOp::Silu; })
      .Case<phiq::GeluOp>([](auto) { return RowOp::Gelu; })
      .Case<phiq::GeluTanhOp>([](auto) { return RowOp::GeluTanh; })
      .Case<phiq::SnapOp>([](auto) { return RowOp::Snap; })
      .Case<phiq::RmsNormOp>([](auto) { return RowOp::RmsNorm; })
      .Case<phiq::LayerNormOp>([](auto) { return RowOp::LayerNorm; })
      .Default([](Operation *) { return std::nullopt; });
}

float epsilonOf(Operation *op) {
  if (auto norm = dyn_cast<phiq::RmsNormOp>(op))
    return norm.getEpsilon().convertToFloat();
  if (auto norm = dyn_cast<phiq::LayerNormOp>(op))
    return norm.getEpsilon().convertToFloat();
  return 0;
}

/// Operands that are rows of activations, as opposed to weights.
bool isRows(Value value) { return cast<ShapedType>(value.getType()).isDynamicDim(0); }

/// Follows one sink to its cores.
class GroupFinder {
public:
  explicit GroupFinder(ColumnGroup &group) : group(group) {}

  LogicalResult visit(Value value, int64_t begin) {
    Operation *op = value.getDefiningOp();
    if (!op || !seen.insert({value.getAsOpaquePointer(), begin}).second)
      return success();
    if (isCore(op)) {
      if (begin % 8 != 0)
        return op->emitError("columns from ") << begin << " have no kernel: panels begin at multiples of 8";
      group.cores.push_back({op, begin});
      return success();
    }
    if (auto columns = dyn_cast<phiq::ColumnsOp>(op))
      return visit(columns.getX(), begin + columns.getBegin());
    if (auto rope = dyn_cast<phiq::RopeOp>(op))
      return setHeadDim(op, rope.getHeadDim(), begin), visit(rope.getX(), begin);
    if (!plainRowOp(op) && !isa<phiq::LogitRowsOp, phiq::QuantizeOp>(op))
      return op->emitError("has no row operation in a kernel");
    for (Value operand : op->getOperands())
      if (isRows(operand) && failed(visit(operand, begin)))
        return failure();
    return success();
  }

  void setHeadDim(Operation *op, int64_t headDim, int64_t begin) {
    assert(begin % headDim == 0 && "a head lies within a window of whole heads");
    assert((group.headDim == 0 || group.headDim == headDim) && "one head dim a group");
    group.headDim = headDim;
  }

private:
  ColumnGroup &group;
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

FailureOr<llvm::SmallVector<ColumnGroup>> findColumnGroups(plan::StageOp stage) {
  llvm::SmallVector<ColumnGroup> groups;
  for (const Sink &sink : findSinks(stage)) {
    ColumnGroup group;
    group.sinks = {sink};
    group.columns = columnsOf(sink.value);
    GroupFinder finder(group);
    if (sink.append)
      finder.setHeadDim(sink.append, headDimOf(sink.append), 0);
    if (failed(finder.visit(sink.value, 0)))
      return failure();
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
  return groups;
}

namespace {

/// Writes a group's operations into a RegionSpec.
class RegionPlanner {
public:
  RegionPlanner(const ColumnGroup &group, int64_t width) : group(group) { plan.spec = RegionSpec(width); }

  RegionPlan run() {
    for (const Sink &sink : group.sinks) {
      // Results may lie one on another's operands: all values first.
      auto quantize = sink.value.getDefiningOp<phiq::QuantizeOp>();
      ids.push_back(build(quantize ? quantize.getX() : sink.value, 0, /*selected=*/false));
    }
    for (auto [sink, id] : llvm::zip(group.sinks, ids))
      addOutput(sink, id);
    assert(plan.spec.check().empty() && "a region that Halide takes");
    return std::move(plan);
  }

private:
  using Source = RegionArgument::Source;

  unsigned build(Value value, int64_t begin, bool selected) {
    auto [known, isNew] = built.try_emplace({value.getAsOpaquePointer(), begin}, 0);
    if (!isNew)
      return known->second;
    unsigned id = buildNew(value, begin, selected);
    built[{value.getAsOpaquePointer(), begin}] = id;
    return id;
  }

  unsigned buildNew(Value value, int64_t begin, bool selected) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return input(selected ? Source::SelectedRows : Source::Rows, value, begin);
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
    if (auto snap = dyn_cast<phiq::SnapOp>(op))
      return buildSnap(snap, begin, selected);
    std::vector<unsigned> operands;
    for (Value operand : op->getOperands())
      operands.push_back(isRows(operand) ? build(operand, begin, selected) : input(Source::Vector, operand, begin));
    return plan.spec.op(*plainRowOp(op), operands, epsilonOf(op));
  }

  unsigned buildRope(phiq::RopeOp rope, int64_t begin, bool selected) {
    unsigned x = build(rope.getX(), begin, selected);
    auto table = [&](Value values, Value longValues) {
      RegionArgument argument{.source = Source::RopeRow, .index = argumentIndex(values)};
      argument.tableColumns = columnsOf(values);
      if (longValues) {
        argument.longIndex = int(argumentIndex(longValues));
        argument.threshold = *rope.getThreshold();
      }
      plan.arguments.push_back(argument);
      return plan.spec.input(argument.tableColumns);
    };
    unsigned cos = table(rope.getCos(), rope.getLongCos()), sin = table(rope.getSin(), rope.getLongSin());
    return plan.spec.op(rope.getInterleaved() ? RowOp::RopeInterleaved : RowOp::Rope, {x, cos, sin});
  }

  unsigned buildSnap(phiq::SnapOp snap, int64_t begin, bool selected) {
    unsigned x = build(snap.getX(), begin, selected), scale;
    if (columnsOf(snap.getScale()) == 1) {
      plan.arguments.push_back({.source = Source::Scalar, .index = argumentIndex(snap.getScale())});
      scale = plan.spec.input(1);
    } else {
      scale = input(Source::Vector, snap.getScale(), begin);
    }
    return plan.spec.snap(x, scale, int32_t(snap.getLeast()), int32_t(snap.getGreatest()));
  }

  static unsigned argumentIndex(Value value) { return cast<BlockArgument>(value).getArgNumber(); }

  unsigned row(RegionArgument argument) {
    plan.arguments.push_back(argument);
    return plan.spec.row();
  }
  unsigned input(Source source, Value value, int64_t begin) {
    return row({.source = source, .index = argumentIndex(value), .begin = begin});
  }

  void addOutput(Sink sink, unsigned id) {
    if (sink.append) {
      auto cache = SymbolTable::lookupNearestSymbolFrom<phiq::CacheOp>(sink.append, sink.append.getCacheAttr());
      bool isKeys = sink.kind == Sink::Kind::Keys;
      plan.arguments.push_back({.source = isKeys ? Source::Keys : Source::Values});
      // Eight keys lie side by side: an element's neighbour is 8 elements away.
      plan.spec.outputFloats(id, cache.getElement().isF16() ? Scalar::F16 : Scalar::F32, isKeys ? 8 : 1);
      return;
    }
    if (int64_t block = blockOf(sink.value)) {
      for (Source source : {Source::Codes, Source::Scales, Source::Sums})
        plan.arguments.push_back({.source = source, .index = sink.index, .block = block});
      plan.spec.outputQuantized(id, block);
      return;
    }
    plan.arguments.push_back({.source = Source::Floats, .index = sink.index});
    plan.spec.outputFloats(id);
  }

  const ColumnGroup &group;
  RegionPlan plan;
  std::map<std::pair<const void *, int64_t>, unsigned> built;
  std::vector<unsigned> ids;
};

} // namespace

RegionPlan planRegion(const ColumnGroup &group, int64_t width) { return RegionPlanner(group, width).run(); }

std::string epilogueName(const ColumnGroup &group) {
  RegionPlan plan = planRegion(group, group.headDim ? group.headDim : group.columns);
  llvm::SmallVector<std::string> names;
  auto add = [&](std::string_view name) {
    if (!llvm::is_contained(names, name))
      names.emplace_back(name);
  };
  for (const RegionValue &value : plan.spec.values)
    if (!value.isInput)
      add(rowOpName(value.op));
  for (const Sink &sink : group.sinks)
    if (sink.append)
      add("append");
  return names.empty() ? "none" : llvm::join(names, "_");
}

} // namespace phic
