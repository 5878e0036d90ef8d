//===- StageCosts.cpp - What each stage moves and multiplies ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/report/StageCosts.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace phic {
namespace {

/// How much of a weight a step touches.
enum class WeightRead { Whole, Rows };

/// Tables are read by the row: embeddings by token, rope tables by position.
WeightRead useOf(BlockArgument weight) {
  bool byRow = llvm::all_of(weight.getUses(), [](OpOperand &use) {
    std::optional<phiq::OperandRole> role = roleOf(use);
    return role == phiq::OperandRole::TokenTable || role == phiq::OperandRole::PositionTable;
  });
  return byRow ? WeightRead::Rows : WeightRead::Whole;
}

/// Of a tensor of static shape that lies dense.
uint64_t denseBytes(Type type) {
  auto shaped = cast<ShapedType>(type);
  return uint64_t(shaped.getNumElements() * elementBytes(shaped.getElementType()));
}

/// What the slices that indices name come to, where nothing else reads the weight.
std::optional<uint64_t> gatheredBytes(BlockArgument weight) {
  uint64_t bytes = 0;
  for (OpOperand &use : weight.getUses()) {
    auto gather = dyn_cast<phiq::GatherOp>(use.getOwner());
    if (!gather || use.getOperandNumber() != 0)
      return std::nullopt;
    bytes += denseBytes(gather.getType());
  }
  return bytes;
}

void addWeight(StageCost &cost, Operation *weight, BlockArgument argument) {
  auto packed = weight->getAttrOfType<plan::PackedAttr>(plan::PlanDialect::kPacked);
  assert(packed && "the layout phase has run");
  if (std::optional<uint64_t> bytes = gatheredBytes(argument))
    cost.rowBytes += *bytes;
  else if (useOf(argument) == WeightRead::Whole)
    cost.weightBytes += packed.getBytes();
  else
    cost.rowBytes += packed.getBytes() / uint64_t(cast<ShapedType>(argument.getType()).getDimSize(0));
}

int64_t columnsOf(Value value) {
  ArrayRef<int64_t> shape = cast<ShapedType>(value.getType()).getShape();
  return shape.empty() ? 1 : shape.back();
}

void addMatmul(StageCost &cost, phiq::MatmulOp matmul) {
  const double count = double(columnsOf(matmul.getLhs())) * double(columnsOf(matmul.getResult()));
  bool isInteger = isa<phiq::BlockType>(cast<ShapedType>(matmul.getLhs().getType()).getElementType());
  (isInteger ? cost.rowMulAdds.integer : cost.rowMulAdds.real) += count;
}

/// Multiply-adds of an op on tensors, all of them: its rows are its own.
double gridMulAdds(Operation *op) {
  auto elements = [](Value value) { return double(cast<ShapedType>(value.getType()).getNumElements()); };
  return llvm::TypeSwitch<Operation *, double>(op)
      .Case([&](phiq::ContractOp op) { return elements(op.getResult()) * double(op.getK()); })
      .Case([&](phiq::DepthwiseOp op) {
        return elements(op.getResult()) * elements(op.getW()) / double(columnsOf(op.getW()));
      })
      .Case([&](phiq::ConvTransposeOp op) {
        return elements(op.getX()) * elements(op.getW()) / double(columnsOf(op.getX()));
      })
      .Case([&](phiq::LstmOp op) { // each step's state times the recurrence
        return elements(op.getGates()) / double(columnsOf(op.getGates())) * elements(op.getRecurrence());
      })
      .Default([](Operation *) { return 0.0; });
}

bool multipliesIntegers(Operation *op) {
  auto lstm = dyn_cast<phiq::LstmOp>(op);
  return isa<IntegerType>(elementTypeOf(lstm ? Value(lstm.getRecurrence()) : op->getResult(0)));
}

uint64_t positionBytes(phiq::CacheOp cache) {
  return 2 * cache.getHeads() * cache.getHeadDim() * cache.getElement().getIntOrFloatBitWidth() / 8;
}

void addOp(StageCost &cost, Operation *op, ModuleOp module) {
  if (auto matmul = dyn_cast<phiq::MatmulOp>(op))
    addMatmul(cost, matmul);
  if (auto append = dyn_cast<phiq::CacheAppendOp>(op))
    cost.rowBytes += positionBytes(module.lookupSymbol<phiq::CacheOp>(append.getCache()));
  if (auto attend = dyn_cast<phiq::AttendOp>(op)) {
    cost.keyBytes += positionBytes(module.lookupSymbol<phiq::CacheOp>(attend.getCache()));
    cost.keyMulAdds += 2 * double(columnsOf(attend.getQueries())); // scores, then the weighted sum
    cost.window = attend.getWindow().value_or(0);
  }
}

uint64_t rowBytesOf(plan::StageOp stage, unsigned result) {
  return cast<plan::BufferAttr>((*stage.getBuffers())[result]).getRowBytes();
}

StageCost costOf(plan::StageOp stage, ModuleOp module) {
  StageCost cost;
  cost.name = stage.getName().str();
  cost.logitRows = stage.getLogitRows();
  // What stages with rows of their own do to each of them.
  const auto rows = uint64_t(plan::fixedRowsOf(stage).value_or(1));
  for (auto [input, argument] : llvm::zip_equal(stage.getInputs(), stage.getBody().getArguments())) {
    Operation *source = input.getDefiningOp();
    if (isWeight(source))
      addWeight(cost, source, argument);
    else if (auto producer = dyn_cast_or_null<plan::StageOp>(source))
      cost.rowBytes += uint64_t(plan::fixedRowsOf(producer).value_or(1)) *
                       rowBytesOf(producer, cast<OpResult>(input).getResultNumber());
    else if (cast<ShapedType>(input.getType()).hasStaticShape())
      cost.rowBytes += denseBytes(input.getType()); // a graph's own input
  }
  for (unsigned result = 0; result < stage.getNumResults(); ++result)
    cost.rowBytes += rows * rowBytesOf(stage, result);
  for (Operation &op : stage.getBody().front())
    addOp(cost, &op, module);
  cost.rowMulAdds.integer *= double(rows);
  cost.rowMulAdds.real *= double(rows);
  for (Operation &op : stage.getBody().front())
    if (double count = gridMulAdds(&op); count > 0)
      (multipliesIntegers(&op) ? cost.rowMulAdds.integer : cost.rowMulAdds.real) += count;
  return cost;
}

/// The positions that all rows of a step see together, each counted as often as a row sees it.
double positionsSeen(const StepShape &step, int64_t window) {
  double seen = 0;
  for (int64_t row = 0; row < step.rows; ++row) {
    int64_t positions = step.past + row + 1;
    seen += double(window > 0 ? std::min(positions, window) : positions);
  }
  return seen;
}

} // namespace

double StageCost::bytes(const StepShape &step) const {
  const int64_t rows = rowsOf(step), positions = step.past + step.rows;
  if (rows == 0)
    return 0;
  // Rows of a step share what is in the cache.
  const int64_t seen = window > 0 ? std::min(positions, window + step.rows - 1) : positions;
  return double(weightBytes) + double(rowBytes) * double(rows) + double(keyBytes) * double(seen);
}

MulAdds StageCost::mulAdds(const StepShape &step) const {
  const double rows = double(rowsOf(step));
  MulAdds all{rowMulAdds.integer * rows, rowMulAdds.real * rows};
  if (keyMulAdds > 0)
    all.real += keyMulAdds * positionsSeen(step, window);
  return all;
}

std::vector<StageCost> stageCosts(ModuleOp planned) {
  std::vector<StageCost> costs;
  planned.walk([&](plan::StageOp stage) { costs.push_back(costOf(stage, planned)); });
  return costs;
}

} // namespace phic
