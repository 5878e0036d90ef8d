//===- VerifyStages.cpp - Stages that kernels can be made for --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ends the fuse phase. The rules are those of `fuse-stages`' description and are
// what the kernels phase relies on; the offenders are notes under one error,
// each naming the op of the model that it came from.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowChain.h"
#include "dialects/plan/Entry.h"
#include "dialects/plan/Plan.h"
#include "passes/ModelShape.h"
#include "passes/Passes.h"
#include "passes/fuse/StageGroups.h"
#include "passes/layout/WeightUses.h"
#include "llvm/ADT/StringSet.h"

namespace phic {
#define GEN_PASS_DEF_VERIFYSTAGESPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

bool isArgument(Value value) { return isa<BlockArgument>(value); }
Type elementOf(Value value) { return cast<ShapedType>(value.getType()).getElementType(); }
bool isPerToken(Value value) { return !cast<ShapedType>(value.getType()).hasStaticShape(); }
bool isStageResult(Value value) { return isa_and_nonnull<plan::StageOp>(value.getDefiningOp()); }

/// Why an op cannot be in a stage of rows; empty: it can. A core there is an embedding: the others make stages of
/// their own kind.
std::string whyNotInRows(Operation *op) {
  using phiq::RowWork;
  std::optional<phiq::RowFacts> facts = rowFacts(op);
  if (facts && !facts->needsPositions &&
      llvm::is_contained({RowWork::Core, RowWork::Norm, RowWork::Elementwise, RowWork::Select, RowWork::Quantize},
                         facts->work))
    return {};
  return "is not done on rows alone";
}

std::string whyNotInMatmul(phiq::MatmulOp op, phiq::MatmulOp first) {
  if (!isArgument(op.getLhs()) || op.getLhs() != first.getLhs())
    return "reads other rows than the first matmul of its stage";
  if (!isArgument(op.getRhs()))
    return "requires a weight as its right-hand side";
  bool isI8 = isa<phiq::BlockType>(elementOf(op.getLhs()));
  if (op.getCompute() != (isI8 ? phiq::ComputeMode::I8 : phiq::ComputeMode::F32))
    return "requires quantized rows for i8 and float rows for f32";
  return {};
}

/// Why an op cannot follow the matmuls of a stage.
std::string whyNotInEpilogue(Operation *op) {
  auto row = dyn_cast<phiq::RowOpInterface>(op);
  if (!row || row.getFacts().place == phiq::EpiloguePlace::None)
    return "cannot follow a matmul in one stage";
  auto isInside = [](OpOperand *operand) { return !isArgument(operand->get()); };
  if (row.getFacts().work == phiq::RowWork::Store)
    return llvm::all_of(row.rowOperands(), isInside) ? "" : "requires keys and values from one stage's matmuls";
  // Of several operands, some may be rows that an earlier stage made.
  return llvm::any_of(row.rowOperands(), isInside) ? "" : "requires a result of its stage's matmuls";
}

/// A grid stage has views of its inputs, then one op or maps of one shape, also behind a contraction or depthwise
/// convolution, or behind a chain of rows.
std::string whyNotInGrid(Operation *op, Block &body) {
  auto isViewHere = [](Operation *op) {
    return isa<phiq::ReshapeOp>(op) && !isa<plan::YieldOp>(*op->getUsers().begin());
  };
  SmallVector<Operation *> work;
  for (Operation &other : body.without_terminator())
    if (!isViewHere(&other))
      work.push_back(&other);
  if (std::optional<RowChain> chain = RowChain::of(work))
    work = chain->behind;
  if (isViewHere(op)) {
    Operation *source = throughReshapes(op->getOperand(0)).getDefiningOp();
    return llvm::is_contained(work, source) ? "shows elements that its stage makes" : "";
  }
  if (!isGrid(op))
    return "is on no grid";
  if (work.size() == 1 || !llvm::is_contained(work, op))
    return "";
  auto isLike = [&](Operation *other) {
    const bool isFirst = isa<phiq::ContractOp, phiq::DepthwiseOp>(other) && other == work.front();
    return (isa<phiq::MapOp>(other) || isFirst) && cast<ShapedType>(other->getResult(0).getType()).getShape() ==
                                                       cast<ShapedType>(op->getResult(0).getType()).getShape();
  };
  if (isa<phiq::ContractOp, phiq::DepthwiseOp>(op))
    return llvm::all_of(work, isLike) ? "" : "is not the first op of its grid";
  auto isWhole = [&](Value operand) {
    return isa<BlockArgument>(throughReshapes(operand)) || shapeOf(operand) == shapeOf(op->getResult(0));
  };
  return llvm::all_of(work, isLike) && llvm::all_of(op->getOperands(), isWhole) ? "" : "is not the one op of its grid";
}

std::string whyNotInStage(Operation *op, StageKind kind, Block &body) {
  if (auto quantize = dyn_cast<phiq::QuantizeOp>(op); quantize && quantize.getScale())
    return "quantizes activations by a scale of the graph, and more than a dequantization reads the codes";
  if (isa<phiq::DequantizeOp>(op))
    return "dequantizes activations that no scale of the graph has quantized";
  if (kind == StageKind::Rows)
    return whyNotInRows(op);
  if (kind == StageKind::Grid)
    return whyNotInGrid(op, body);
  if (kind == StageKind::Attend)
    return isa<phiq::AttendOp>(op) || (isa<phiq::QuantizeOp>(op) && op->getOperand(0).getDefiningOp<phiq::AttendOp>())
               ? ""
               : "cannot follow attention in one stage";
  if (auto matmul = dyn_cast<phiq::MatmulOp>(op))
    return whyNotInMatmul(matmul, *body.getOps<phiq::MatmulOp>().begin());
  return whyNotInEpilogue(op);
}

class StageVerifier {
public:
  StageVerifier(func::FuncOp model, ArrayRef<const Backend *> backends) : model(model), backends(backends) {}

  LogicalResult run() {
    for (Operation &op : model.getBody().front()) {
      if (auto stage = dyn_cast<plan::StageOp>(op))
        verifyStage(stage);
      else if (isWeight(&op))
        verifyWeight(&op);
      else if (!isa<func::ReturnOp>(op))
        blame(&op, "is in no stage");
    }
    if (plan::hasSteps(model))
      verifyLogits();
    else
      verifyBindings();
    if (offenders.empty())
      askBackends();
    if (offenders.empty())
      return success();
    InFlightDiagnostic error = model.emitError("operations of the model that make no stage: ") << offenders.size();
    for (auto &[op, reason] : offenders)
      error.attachNote(op->getLoc()) << "'" << op->getName() << "' " << reason;
    return error;
  }

private:
  void blame(Operation *op, std::string reason) {
    if (!reason.empty())
      offenders.emplace_back(op, std::move(reason));
  }

  void verifyStage(plan::StageOp stage) {
    Block &body = stage.getBody().front();
    SmallVector<Operation *> ops = llvm::map_to_vector(body.without_terminator(), [](Operation &op) { return &op; });
    StageKind kind = stageKind(ops);
    for (Operation *op : ops)
      blame(op, whyNotInStage(op, kind, body));
    auto stores = [](Operation *op) { return hasWork(op, phiq::RowWork::Store); };
    if (stage.getNumResults() == 0 && llvm::none_of(ops, stores))
      blame(stage, "makes nothing that another stage reads");
    verifyRowsOf(stage, body);
  }

  /// A weight that later phases cannot pack is the model's fault, so it is found here.
  void verifyWeight(Operation *weight) {
    for (const Backend *backend : backends) {
      std::string reason;
      if (!weightLayoutOf(weight, *backend, &reason))
        return blame(weight, "cannot be packed: " + reason);
    }
  }

  /// Of what is well formed otherwise.
  void askBackends() {
    for (auto stage : model.getBody().front().getOps<plan::StageOp>())
      for (const Backend *backend : backends)
        if (std::optional<LackingKernel> lacking = backend->lacks(stage))
          return blame(lacking->op, lacking->reason);
  }

  /// A stage works on all rows of the step, or on the wanted ones only; phiq.logit_rows leads from one to the other.
  void verifyRowsOf(plan::StageOp stage, Block &body) {
    bool selects = !body.getOps<phiq::LogitRowsOp>().empty();
    if (selects && !stage.getLogitRows())
      return blame(stage, "selects logit rows and does not say so");
    for (auto [input, argument] : llvm::zip(stage.getInputs(), body.getArguments())) {
      if (!isPerToken(input))
        continue;
      bool isLogitRows = isStageResult(input) && input.getDefiningOp<plan::StageOp>().getLogitRows();
      bool onlySelected =
          llvm::all_of(argument.getUsers(), [](Operation *user) { return isa<phiq::LogitRowsOp>(user); });
      if (isLogitRows != (stage.getLogitRows() && !(selects && onlySelected)))
        blame(stage, "mixes logit rows with all rows");
    }
    if (!stage.getLogitRows())
      return;
    for (Operation &op : body)
      if (std::optional<phiq::RowFacts> facts = rowFacts(&op); facts && facts->needsPositions)
        blame(&op, "needs the positions of all rows, and works on logit rows");
  }

  /// Each result has a place of its own, which a stage writes; what a step leaves as a state, the next one can read.
  void verifyBindings() {
    Operation *terminator = model.getBody().front().getTerminator();
    llvm::SmallDenseSet<Value> returned;
    for (Value value : terminator->getOperands())
      if (!isStageResult(value) || !returned.insert(value).second)
        blame(terminator, "requires results that stages make, each returned once");
    llvm::StringSet<> names;
    for (const plan::Binding &binding : plan::bindingsOf(model)) {
      if (!names.insert(binding.name).second)
        blame(terminator, "binds '" + binding.name + "' twice");
      if (binding.kind == plan::BindingKind::State &&
          (binding.nextSlot == binding.slot ||
           model.getResultTypes()[binding.nextSlot - model.getNumArguments()] != binding.type))
        blame(terminator, "requires a result for state '" + binding.name + "', of its type");
    }
  }

  /// What a session of tokens relies on.
  void verifyLogits() {
    Operation *terminator = model.getBody().front().getTerminator();
    auto head = terminator->getNumOperands() == 1 ? terminator->getOperand(0).getDefiningOp<plan::StageOp>() : nullptr;
    if (!head || !head.getLogitRows() || head.getBody().front().getOps<phiq::MatmulOp>().empty())
      blame(terminator, "requires the logits: one result of a matmul stage on the rows of a phiq.logit_rows");
    else if (!terminator->getOperand(0).hasOneUse() || !elementOf(terminator->getOperand(0)).isF32())
      blame(terminator, "requires logits that are float and that nothing else reads");
  }

  func::FuncOp model;
  ArrayRef<const Backend *> backends;
  SmallVector<std::pair<Operation *, std::string>> offenders;
};

struct VerifyStages : impl::VerifyStagesPassBase<VerifyStages> {
  using VerifyStagesPassBase::VerifyStagesPassBase;

  void getDependentDialects(DialectRegistry &registry) const override {
    VerifyStagesPassBase::getDependentDialects(registry);
    registerBackendDialects(registry);
  }

  void runOnOperation() override {
    func::FuncOp model = verifiedModel(getOperation());
    auto backends = backendsNamed(families, getOperation());
    if (!model || failed(backends) || failed(StageVerifier(model, *backends).run()))
      signalPassFailure();
  }
};

} // namespace
} // namespace phic
