//===- Region.cpp - Row regions as functions of phiq ops -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading and naming. A region may come from a file that a user edited: the reader
// rejects, never asserts. Shapes are the ops' own verifiers' concern.
//===----------------------------------------------------------------------===//
#include "targets/cpu/regions/Region.h"
#include "dialects/phiq/RowOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace phic {
namespace {

/// Longest row, and longest distance of neighbours: everything stays far from 32-bit index arithmetic.
constexpr int64_t kMostColumns = 1 << 20;

bool isLength(int64_t value) { return value > 0 && value <= kMostColumns; }

int64_t stepOf(DictionaryAttr attributes) {
  auto step = attributes ? attributes.getAs<IntegerAttr>(RowRegion::kStep) : nullptr;
  return step ? step.getInt() : 1;
}

/// Columns of a vector, or of the one row [1, N]; 0 of anything else.
int64_t lengthOf(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape() || tensor.getRank() < 1 || tensor.getRank() > 2 ||
      (tensor.getRank() == 2 && tensor.getDimSize(0) != 1))
    return 0;
  return tensor.getShape().back();
}

bool isReturnedOnly(Operation *op) {
  return llvm::all_of(op->getUsers(), [](Operation *user) { return isa<func::ReturnOp>(user); });
}

std::string nameOf(Operation *op) { return op->getName().getStringRef().str(); }

/// Why an op cannot be in a region; empty: it can. `turned`: the results of a rope, and what is made of them.
std::string whyNotIn(Operation *op, bool hasRope, const llvm::SmallPtrSetImpl<Operation *> &turned) {
  const bool isTurned =
      llvm::any_of(op->getOperands(), [&](Value operand) { return turned.contains(operand.getDefiningOp()); });
  if (isa<arith::ExtFOp>(op))
    return isa<BlockArgument>(op->getOperand(0)) ? "" : "arith.extf is of a region's input only";
  if (isa<arith::TruncFOp>(op))
    return isReturnedOnly(op) ? "" : "arith.truncf makes a region's result only";
  std::optional<phiq::RowFacts> facts = rowFacts(op);
  if (facts && facts->work == phiq::RowWork::Elementwise)
    return "";
  if (facts && facts->work == phiq::RowWork::Quantize)
    return isTurned             ? "the result of a rope is not quantized in its region"
           : isReturnedOnly(op) ? ""
                                : nameOf(op) + " makes a region's result only";
  if (facts && facts->work == phiq::RowWork::Pairs && hasRope)
    return "a region has one rope";
  if (facts && (facts->work == phiq::RowWork::Norm || facts->work == phiq::RowWork::Pairs))
    return isTurned ? nameOf(op) + " cannot follow a rope in one region" : "";
  return nameOf(op) + " is no operation of a region";
}

std::string checkOps(Block &body) {
  llvm::SmallPtrSet<Operation *, 4> turned;
  bool hasRope = false;
  for (Operation &op : body.without_terminator()) {
    if (std::string why = whyNotIn(&op, hasRope, turned); !why.empty())
      return why;
    hasRope |= isa<phiq::RopeOp>(op);
    if (isa<phiq::RopeOp>(op) ||
        llvm::any_of(op.getOperands(), [&](Value operand) { return turned.contains(operand.getDefiningOp()); }))
      turned.insert(&op);
  }
  return "";
}

std::string readOutput(Value result, int64_t columns, int64_t step, RegionOutput &output) {
  auto type = cast<ShapedType>(result.getType());
  output = {result, phiq::scalarOf(type.getElementType()), step, 0};
  if (lengthOf(type) != columns || type.getRank() != 2)
    return "a result is a whole row";
  if (auto block = dyn_cast<phiq::BlockType>(type.getElementType())) {
    auto quantize = result.getDefiningOp<phiq::QuantizeOp>();
    output.block = block.getFormat().block;
    if (!quantize || quantize.getScale() || block.getFormat().codes != CodeType{8, true} ||
        (output.block != 16 && output.block != 32))
      return "a quantized row has codes s8 in blocks of 16 or 32, made by "
             "phiq.quantize without a scale";
    output.value = quantize.getX();
    return "";
  }
  if (auto round = result.getDefiningOp<arith::TruncFOp>())
    output.value = round.getIn();
  if (output.element != Scalar::F32 && output.element != Scalar::F16)
    return "a result is f32, f16 or quantized";
  return isLength(step) ? "" : "a result's step is positive";
}

} // namespace

std::optional<RowRegion> RowRegion::of(func::FuncOp function, std::string *why) {
  RowRegion region;
  region.function = function;
  std::string reason = region.read();
  if (reason.empty())
    return region;
  if (why)
    *why = std::move(reason);
  return std::nullopt;
}

std::string RowRegion::read() {
  if (!function || !function.getBody().hasOneBlock() || function.getNumResults() == 0)
    return "a region is a function of one block that returns something";
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<ShapedType>(argument.getType());
    RegionInput input{type ? phiq::scalarOf(type.getElementType()) : Scalar::None, lengthOf(argument.getType()),
                      stepOf(function.getArgAttrDict(argument.getArgNumber()))};
    if (input.element == Scalar::None || !isLength(input.length) || !isLength(input.step))
      return "an input is a row or vector of f32, f16 or bf16, its length and "
             "step in 1.." +
             std::to_string(kMostColumns);
    inputs.push_back(input);
  }
  Block &body = function.getBody().front();
  columns = lengthOf(body.getTerminator()->getOperand(0).getType());
  if (!isLength(columns))
    return "a row has 1.." + std::to_string(kMostColumns) + " columns";
  if (std::string why = checkOps(body); !why.empty())
    return why;
  for (OpOperand &result : body.getTerminator()->getOpOperands()) {
    const int64_t step = stepOf(function.getResultAttrDict(result.getOperandNumber()));
    if (std::string why = readOutput(result.get(), columns, step, outputs.emplace_back()); !why.empty())
      return why;
  }
  return "";
}

phiq::RopeOp RowRegion::rope() const {
  auto ropes = getOps<phiq::RopeOp>();
  return ropes.empty() ? phiq::RopeOp() : *ropes.begin();
}

unsigned RowRegion::argumentCount() const {
  unsigned count = inputs.size();
  for (const RegionOutput &output : outputs)
    count += output.element == Scalar::None ? 3 : 1;
  return count;
}

std::string RowRegion::name() const {
  std::string name, text;
  for (auto op : getOps<phiq::RowOpInterface>())
    if (op.getFacts().work != phiq::RowWork::Quantize)
      name += op.getFacts().name.str() + "_";
  for (const RegionOutput &output : outputs)
    name += (output.element == Scalar::None ? "q" + std::to_string(output.block)
                                            : std::string(scalarName(output.element))) +
            "_";
  OwningOpRef<func::FuncOp> nameless(func::FuncOp(function).clone());
  nameless->setName("rows");
  llvm::raw_string_ostream stream(text);
  nameless->print(stream, OpPrintingFlags().useLocalScope());
  return name + std::to_string(columns) + "_" +
         llvm::utohexstr(llvm::xxh3_64bits(text), /*LowerCase=*/true,
                         /*Width=*/16);
}

func::FuncOp regionOf(LLVM::LLVMFuncOp declaration) {
  auto symbol = declaration->getAttrOfType<FlatSymbolRefAttr>(RowRegion::kRegion);
  return symbol ? SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(declaration, symbol) : func::FuncOp();
}

} // namespace phic
