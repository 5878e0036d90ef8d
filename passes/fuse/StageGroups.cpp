//===- StageGroups.cpp - Which ops make one stage --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Main ops (matmul, attend, norm, embed, logit_rows) begin stages, as do ops on grids, but for maps of one shape, which
// join, what makes floats of codes, which goes with what reads it, and chains of rows (RowChains.h); every other op joins
// the latest stage that it reads from. Two matmuls of the same rows are one stage when their results meet before the next
// main op, or in one cache:
//
//     q, k, v -> attend @kv0 | gate, up -> mulf      but not  qkv | fc1  of a parallel block
//===----------------------------------------------------------------------===//
#include "passes/fuse/StageGroups.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/RowOps.h"
#include "passes/fuse/RowChains.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace phic {
namespace {

bool isMainOp(Operation *op) {
  std::optional<phiq::RowFacts> facts = rowFacts(op);
  return facts && facts->isMain();
}

/// The caches that hold an op's results or that it reads.
Attribute cacheOf(Operation *op) {
  if (auto append = dyn_cast<phiq::CacheAppendOp>(op))
    return append.getCacheAttr();
  if (auto attend = dyn_cast<phiq::AttendOp>(op))
    return attend.getCacheAttr();
  return {};
}

/// Joins matmuls of the same rows whose results meet.
class MatmulClasses {
public:
  explicit MatmulClasses(Block &model) {
    for (auto matmul : model.getOps<phiq::MatmulOp>()) {
      classes.insert(matmul);
      visitUsers(matmul);
    }
  }
  Operation *leader(Operation *matmul) const { return classes.getLeaderValue(matmul); }

private:
  /// `meetingPoint` is an op or a cache (by its address).
  void meet(phiq::MatmulOp matmul, const void *meetingPoint) {
    auto [found, isNew] = reached.try_emplace({matmul.getLhs().getAsOpaquePointer(), meetingPoint}, matmul);
    if (!isNew)
      classes.unionSets(found->second, matmul);
  }

  /// Walks what follows the matmul up to and including the next main ops.
  void visitUsers(phiq::MatmulOp matmul) {
    llvm::SetVector<Operation *> ops; // each once, however many ways lead to it
    ops.insert(matmul);
    for (size_t i = 0; i < ops.size(); ++i)
      for (Operation *user : ops[i]->getUsers()) {
        if (user->hasTrait<OpTrait::IsTerminator>())
          continue;
        meet(matmul, user);
        if (Attribute cache = cacheOf(user))
          meet(matmul, cache.getAsOpaquePointer());
        if (!isMainOp(user))
          ops.insert(user);
      }
  }

  llvm::EquivalenceClasses<Operation *> classes;
  llvm::DenseMap<std::pair<const void *, const void *>, Operation *> reached;
};

/// Ops of one stage: far more than models have, and as deep as what walks a stage may go.
constexpr size_t kMostOps = 256;
/// Functions of one map stage: what they need at once should fit into registers.
constexpr size_t kMostMaps = 24;

/// An operand beside the result of a convolution that its kernel can read there: as large, a row, or one number.
bool isBesideRows(Value operand, ArrayRef<int64_t> rows) {
  ArrayRef<int64_t> shape = shapeOf(operand);
  auto isOne = [](int64_t size) { return size == 1; };
  return shape == rows || llvm::all_of(shape, isOne) ||
         (llvm::all_of(shape.drop_back(), isOne) && shape.back() == rows.back());
}

bool hasMapsBehind(Operation *op) { return isa<phiq::ContractOp, phiq::DepthwiseOp>(op); }

/// The last contraction or depthwise convolution of a stage and the maps behind it, else all of the stage.
ArrayRef<Operation *> mapsOf(const StageGroup &group) {
  size_t first = group.ops.size();
  while (first > 0 && !hasMapsBehind(group.ops[first - 1]))
    --first;
  return ArrayRef<Operation *>(group.ops).drop_front(first > 0 ? first - 1 : 0);
}

/// Maps of one shape are computed together, and behind a contraction or depthwise convolution that makes it; what reads
/// only some of their elements, or reads them in another order, is not.
bool joinsMaps(Operation *op, const StageGroup &group) {
  auto isMap = [](Operation *op) { return isa<phiq::MapOp>(op); };
  ArrayRef<Operation *> ops = mapsOf(group);
  const bool isContraction = hasMapsBehind(ops.front());
  if (!isMap(op) || !llvm::all_of(llvm::drop_begin(ops, isContraction), isMap) || ops.size() >= kMostMaps)
    return false;
  if (isContraction && !llvm::all_of(cast<phiq::MapOp>(op).getTensors(),
                                     [&](Value operand) { return isBesideRows(operand, shapeOf(op->getResult(0))); }))
    return false;
  Type type = op->getResult(0).getType();
  auto shape = [](Type type) { return cast<ShapedType>(type).getShape(); };
  return llvm::all_of(ops, [&](Operation *other) { return shape(other->getResult(0).getType()) == shape(type); }) &&
         llvm::none_of(op->getOperands(), [&](Value operand) {
           return llvm::is_contained(ops, viewed(operand).getDefiningOp()) && shape(operand.getType()) != shape(type);
         });
}

/// Whether an op that is no main op can be computed where the rows it reads are.
bool canJoin(Operation *op, const StageGroup &group) {
  if (group.kind == StageKind::Grid)
    return joinsMaps(op, group);
  std::optional<phiq::RowFacts> facts = rowFacts(op);
  if (!facts || group.ops.size() >= kMostOps)
    return false;
  switch (group.kind) {
  case StageKind::Matmul:
    return facts->place != phiq::EpiloguePlace::None;
  case StageKind::Rows:
    return facts->work == phiq::RowWork::Elementwise || facts->work == phiq::RowWork::Quantize;
  case StageKind::Attend:
    return facts->work == phiq::RowWork::Quantize;
  case StageKind::Grid:
    break;
  }
  llvm_unreachable("all kinds are handled");
}

class Grouping {
public:
  explicit Grouping(Block &model) : matmulClasses(model), chains(model) {
    for (Operation &op : model) {
      if (isWeight(&op) || isView(&op) || goesWithReader(&op) || op.hasTrait<OpTrait::IsTerminator>())
        continue;
      ArrayRef<Operation *> chain = chains.chainOf(&op);
      if (chain.empty())
        place(&op);
      else if (chain.back() == &op) // by then there is all that the chain reads
        placeTogether(chain);
    }
  }
  StageGroups result;

private:
  void place(Operation *op) {
    std::optional<unsigned> latest = latestProducer(op);
    unsigned index = chooseGroup(op, latest);
    StageGroup &group = result.groups[index];
    for (Operation *source : withReader(op)) {
      group.ops.push_back(source);
      result.groupOf[source] = index;
    }
    group.ops.push_back(op);
    group.logitRows |= hasWork(op, phiq::RowWork::Select) || (latest && result.groups[*latest].logitRows);
    result.groupOf[op] = index;
  }

  void placeTogether(ArrayRef<Operation *> ops) {
    const unsigned index = begin(StageKind::Grid);
    result.groups[index].ops.assign(ops.begin(), ops.end());
    for (Operation *op : ops)
      result.groupOf[op] = index;
  }

  /// What is computed with the op.
  static llvm::SmallSetVector<Operation *, 3> withReader(Operation *op) {
    llvm::SmallSetVector<Operation *, 3> sources;
    for (Value operand : op->getOperands())
      if (goesWithReader(operand.getDefiningOp()))
        sources.insert(operand.getDefiningOp());
    return sources;
  }

  /// The last of the groups that make the op's operands.
  std::optional<unsigned> latestProducer(Operation *op) const {
    std::optional<unsigned> latest;
    for (Value operand : op->getOperands()) {
      if (goesWithReader(operand.getDefiningOp()))
        operand = operand.getDefiningOp()->getOperand(0);
      if (auto found = result.groupOf.find(viewed(operand).getDefiningOp()); found != result.groupOf.end())
        latest = std::max(latest.value_or(0), found->second);
    }
    return latest;
  }

  static bool joins(Operation *op, const StageGroup &group) {
    return canJoin(op, group) &&
           llvm::all_of(withReader(op), [&](Operation *source) { return canJoin(source, group); });
  }

  unsigned chooseGroup(Operation *op, std::optional<unsigned> latest) {
    if (isa<phiq::MatmulOp>(op)) {
      auto [found, isNew] = groupOfClass.try_emplace(matmulClasses.leader(op), result.groups.size());
      return isNew ? begin(StageKind::Matmul) : found->second;
    }
    if (isa<phiq::AttendOp>(op))
      return begin(StageKind::Attend);
    if (isGrid(op))
      return latest && joins(op, result.groups[*latest]) ? *latest : begin(StageKind::Grid);
    // The final norm is computed with the selection of its rows.
    if (isNorm(op) && latest && hasWork(result.groups[*latest].ops.back(), phiq::RowWork::Select))
      return *latest;
    if (!isMainOp(op) && latest && canJoin(op, result.groups[*latest]))
      return *latest;
    return begin(StageKind::Rows);
  }

  unsigned begin(StageKind kind) {
    result.groups.push_back({kind, {}, false});
    return result.groups.size() - 1;
  }

  MatmulClasses matmulClasses;
  RowChains chains;
  llvm::DenseMap<Operation *, unsigned> groupOfClass;
};

} // namespace

bool isView(Operation *op) {
  return isa_and_nonnull<phiq::ReshapeOp>(op) && !op->use_empty() &&
         llvm::all_of(op->getUsers(), [](Operation *user) { return isGrid(user); });
}

Value viewed(Value value) {
  while (isView(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

StageKind stageKind(ArrayRef<Operation *> ops) {
  if (llvm::any_of(ops, [](Operation *op) { return isa<phiq::MatmulOp>(op); }))
    return StageKind::Matmul;
  if (llvm::any_of(ops, [](Operation *op) { return isa<phiq::AttendOp>(op); }))
    return StageKind::Attend;
  if (llvm::any_of(ops, isGrid))
    return StageKind::Grid;
  return StageKind::Rows;
}

const StageGroup *StageGroups::producer(Value value) const {
  auto found = groupOf.find(value.getDefiningOp());
  return found == groupOf.end() ? nullptr : &groups[found->second];
}

StageGroups groupIntoStages(Block &model) { return Grouping(model).result; }

} // namespace phic
