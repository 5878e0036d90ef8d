//===- FuseStages.cpp - A straight list of stages --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rewrites the model into the groups that StageGroups.h decides on:
//
//     %n = phiq.rms_norm %h, %g            %q = plan.stage "layers.0.mlp.norm" (%h, %g) { rms_norm, quantize }
//     %q = phiq.quantize %n           ->   %r = plan.stage "layers.0.mlp.down" (%q, %d, %h) { matmul, addf }
//     %d = phiq.matmul %q, %w
//     %r = arith.addf %h, %d
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Plan.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Passes.h"
#include "passes/fuse/StageGroups.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringSet.h"

namespace phic {
#define GEN_PASS_DEF_FUSESTAGESPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

/// Place of an op in the body of a matmul stage, which kernels read as matmuls and their epilogues.
phiq::EpiloguePlace placeOf(Operation *op) {
  std::optional<phiq::RowFacts> facts = rowFacts(op);
  return facts ? facts->place : phiq::EpiloguePlace::None;
}

/// The ops by place, as far as what they read allows, else in program order.
SmallVector<Operation *> orderBody(const StageGroup &group) {
  SmallVector<Operation *> left = group.ops, ordered;
  if (group.kind != StageKind::Matmul)
    return left;
  llvm::SmallPtrSet<Operation *, 16> waiting(left.begin(), left.end());
  while (!left.empty()) {
    auto next = left.end();
    for (auto it = left.begin(); it != left.end(); ++it) {
      bool isReady = llvm::none_of((*it)->getOperands(), [&](Value v) { return waiting.contains(v.getDefiningOp()); });
      if (isReady && (next == left.end() || placeOf(*it) < placeOf(*next)))
        next = it;
    }
    ordered.push_back(*next);
    waiting.erase(*next);
    left.erase(next);
  }
  return ordered;
}

/// A result of a graph is written by a stage: what is an input, a weight or another result, too, is copied.
void giveResultsTheirOwn(Block &model) {
  OpBuilder builder(model.getTerminator());
  llvm::SmallDenseSet<Value> given;
  for (OpOperand &operand : model.getTerminator()->getOpOperands()) {
    Value result = operand.get();
    const bool isMade = result.getDefiningOp() && !isWeight(result.getDefiningOp());
    auto type = cast<ShapedType>(result.getType());
    if (type.hasStaticShape() && (!given.insert(result).second || !isMade))
      operand.set(phiq::ReshapeOp::create(builder, result.getLoc(), type, result));
  }
}

/// Rewrites one function, stage by stage.
class StageBuilder {
public:
  explicit StageBuilder(Block &model) : model(model), builder(model.getTerminator()), all(groupIntoStages(model)) {}

  void run() {
    for (const StageGroup &group : all.groups)
      build(group);
    for (OpOperand &operand : model.getTerminator()->getOpOperands())
      operand.set(values.lookupOrDefault(operand.get()));
    for (const StageGroup &group : llvm::reverse(all.groups))
      for (Operation *op : llvm::reverse(group.ops)) {
        op->dropAllUses();
        op->erase();
      }
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(model)))
      if (isa<phiq::ReshapeOp>(op)) // stages have their own
        op.erase();
    orderWeights();
  }

private:
  void build(const StageGroup &group) {
    SmallVector<Operation *> ops = withViews(orderBody(group));
    llvm::SmallPtrSet<Operation *, 16> inside(ops.begin(), ops.end());
    llvm::SetVector<Value> inputs;
    SmallVector<Value> results;
    SmallVector<Location> locations;
    for (Operation *op : ops) {
      for (Value operand : op->getOperands())
        if (!inside.contains(operand.getDefiningOp()))
          inputs.insert(operand);
      for (Value result : op->getResults())
        if (!isView(op) && llvm::any_of(result.getUsers(), [&](Operation *user) { return !inside.contains(user); }))
          results.push_back(result);
      locations.push_back(op->getLoc());
    }
    auto stage = plan::StageOp::create(builder, builder.getFusedLoc(locations), ValueRange(results).getTypes(),
                                       builder.getStringAttr(uniqueName(group)), mapped(inputs.getArrayRef()),
                                       group.logitRows ? builder.getUnitAttr() : UnitAttr(), ArrayAttr(),
                                       /*kernels=*/DictionaryAttr(), /*tiles=*/DictionaryAttr());
    buildBody(stage, ops, inputs.getArrayRef(), results);
    values.map(results, stage.getResults());
  }

  /// The views that ops read through stand before them.
  SmallVector<Operation *> withViews(ArrayRef<Operation *> ops) {
    llvm::SetVector<Operation *> result;
    auto addView = [&](auto &self, Operation *op) -> void {
      if (!isView(op))
        return;
      self(self, op->getOperand(0).getDefiningOp());
      result.insert(op);
    };
    for (Operation *op : ops) {
      for (Value operand : op->getOperands())
        addView(addView, operand.getDefiningOp());
      result.insert(op);
    }
    return result.takeVector();
  }

  void buildBody(plan::StageOp stage, ArrayRef<Operation *> ops, ArrayRef<Value> inputs, ArrayRef<Value> results) {
    OpBuilder::InsertionGuard guard(builder);
    SmallVector<Location> locations(inputs.size(), stage.getLoc());
    Block *body = builder.createBlock(&stage.getBody(), {}, ValueRange(inputs).getTypes(), locations);
    IRMapping inner;
    inner.map(inputs, body->getArguments());
    for (Operation *op : ops)
      builder.clone(*op, inner);
    SmallVector<Value> yielded = llvm::map_to_vector(results, [&](Value value) { return inner.lookup(value); });
    plan::YieldOp::create(builder, stage.getLoc(), yielded);
  }

  SmallVector<Value> mapped(ArrayRef<Value> old) {
    return llvm::map_to_vector(old, [&](Value value) { return values.lookupOrDefault(value); });
  }

  std::string uniqueName(const StageGroup &group) {
    std::string base = stageName(all, group), name = base;
    for (unsigned i = 1; !names.insert(name).second; ++i)
      name = base + "." + std::to_string(i);
    return name;
  }

  /// Weights first, in the order in which stages need them; unused ones vanish.
  void orderWeights() {
    llvm::SetVector<Operation *> used;
    for (auto stage : model.getOps<plan::StageOp>())
      for (Value input : stage.getInputs())
        if (isWeight(input.getDefiningOp()))
          used.insert(input.getDefiningOp());
    for (Operation *weight : llvm::reverse(used))
      weight->moveBefore(&model, model.begin());
    for (Operation &op : llvm::make_early_inc_range(model))
      if (isWeight(&op) && op.use_empty())
        op.erase();
  }

  Block &model;
  OpBuilder builder;
  StageGroups all;
  IRMapping values; ///< results of the old ops -> results of the stages
  llvm::StringSet<> names;
};

/// Each map that reads floats of codes makes them itself.
void divideFloatsOfCodes(Block &model) {
  for (auto map : llvm::make_early_inc_range(model.getOps<phiq::MapOp>())) {
    if (!makesFloatsOfCodes(map))
      continue;
    for (OpOperand &use : llvm::make_early_inc_range(map->getUses()))
      if (isa<phiq::MapOp>(use.getOwner()) && !map->hasOneUse())
        use.set(OpBuilder(use.getOwner()).clone(*map)->getResult(0));
  }
}

struct FuseStages : impl::FuseStagesPassBase<FuseStages> {
  void runOnOperation() override {
    func::FuncOp model = modelFunction(getOperation());
    if (!model)
      return;
    giveResultsTheirOwn(model.getBody().front());
    divideFloatsOfCodes(model.getBody().front());
    StageBuilder(model.getBody().front()).run();
  }
};

} // namespace
} // namespace phic
