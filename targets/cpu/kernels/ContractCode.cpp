//===- ContractCode.cpp - The contractions of a stage ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scratch memory: zero points of the tile's columns where the weight has some, and what a contraction needs.
//===----------------------------------------------------------------------===//
#include "targets/cpu/kernels/ContractCode.h"
#include "targets/stages/Constants.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic {
namespace {

RowSource::Element elementOf(Type type) {
  return type.isF32()              ? RowSource::Element::F32
         : isUnsignedInteger(type) ? RowSource::Element::U8
                                   : RowSource::Element::S8;
}

ContractionShape shapeOfContraction(const StageFacts &facts, phiq::ContractOp op) {
  ContractionShape shape;
  ArrayRef<int64_t> x = shapeOf(op.getX());
  shape.M = op.getRows();
  shape.N = op.getColumns();
  shape.K = op.getK();
  shape.lhs.element = elementOf(elementTypeOf(op.getX()));
  shape.lhs.rowBytes = shape.K * shape.lhs.elementBytes();
  if (op.getKernel()) {
    auto pair = [](ArrayRef<int64_t> numbers) { return std::array<int64_t, 2>{numbers[0], numbers[1]}; };
    ArrayRef<int64_t> y = shapeOf(op.getResult());
    shape.lhs.window = WindowShape{.height = x[1],
                                   .width = x[2],
                                   .channels = x[3],
                                   .result = {y[1], y[2]},
                                   .kernel = pair(*op.getKernel()),
                                   .strides = pair(*op.getStrides()),
                                   .pads = pair(*op.getPads()),
                                   .dilations = pair(*op.getDilations())};
  }
  shape.rhs = facts.inputs[cast<BlockArgument>(throughReshapes(op.getW())).getArgNumber()].layout;
  shape.rhsElement = elementOf(elementTypeOf(op.getW()));
  const int64_t shift = shape.rhs.kind == PackedLayout::Kind::CodePanel ? shape.rhs.codeShift() : 0;
  const std::optional<int64_t> zero = op.getWZero() ? constantOf(facts, op.getWZero()) : 0;
  shape.hasRhsZeros = isa<IntegerType>(elementTypeOf(op.getW())) && zero != shift;
  return shape;
}

} // namespace

int64_t evenRows(int64_t M, int64_t most, int64_t MR) {
  const uint64_t tiles = llvm::divideCeil(uint64_t(M), uint64_t(most));
  return int64_t(llvm::alignTo(llvm::divideCeil(uint64_t(M), tiles), uint64_t(MR)));
}

FailureOr<ContractCode> ContractCode::of(const StageFacts &facts, phiq::ContractOp op, const CpuTarget &target,
                                         std::optional<int64_t> rowBytes) {
  ContractionShape shape = shapeOfContraction(facts, op);
  shape.lhs.rowBytes = rowBytes.value_or(shape.lhs.rowBytes);
  std::optional<Contraction> contraction = Contraction::of(target, shape);
  if (!contraction)
    return op->emitError("has no kernel for ") << target.name;
  return ContractCode{op, shape, *contraction, op.getRows(), op.getColumns()};
}

int64_t ContractCode::zerosBytes(int64_t columns) const {
  return shape.hasRhsZeros ? int64_t(llvm::alignTo(uint64_t(contraction.paddedColumns(columns) * 4), 64)) : 0;
}

Value ContractCode::xOf(GridEmitter &g, Value batch) const {
  const int64_t bytes = M * shape.K * elementBytes(elementTypeOf(phiq::ContractOp(op).getX()));
  return g.b.offset(g.base(phiq::ContractOp(op).getX()), g.b.mul(batch, bytes));
}

void ContractCode::emit(GridEmitter &g, const ContractTile &tile) const {
  KernelBuilder &b = g.b;
  phiq::ContractOp contract = op;
  ContractionCall call;
  call.lhs = tile.x;
  call.row = tile.row;
  call.count = tile.count;
  if (Value zeros = contract.getXZero()) {
    Value zero = g.base(zeros);
    call.lhsZero = b.extract(loadLanes(b, elementTypeOf(contract.getX()), 1, zero), 0);
    call.fill = b.load(b.getI8Type(), zero);
  }
  call.rhs = weightsOf(g, tile);
  if (shape.hasRhsZeros)
    call.rhsZeros = storedZeros(g, tile);
  call.sums = tile.sums;
  call.scratch = b.offset(tile.scratch, zerosBytes(tile.width));
  contraction.emit(b, g.e.library, tile.width, M % contraction.MR(), call);
}

/// The tile's first panel or row of the weight. What is batched is not packed.
Value ContractCode::weightsOf(GridEmitter &g, const ContractTile &tile) const {
  KernelBuilder &b = g.b;
  phiq::ContractOp contract = op;
  Value base = g.base(contract.getW());
  if (shape.rhs.kind != PackedLayout::Kind::Dense)
    return b.offset(base, b.mul(b.divide(tile.column, PackedLayout::kColumns), shape.rhs.panelBytes(shape.K)));
  const int64_t rowBytes = shape.K * elementBytes(elementTypeOf(contract.getW()));
  return b.offset(b.offset(base, b.mul(tile.batch, N * rowBytes)), b.mul(tile.column, rowBytes));
}

/// Zero points of the tile's columns, in the codes that its panels hold.
Value ContractCode::storedZeros(GridEmitter &g, const ContractTile &tile) const {
  KernelBuilder &b = g.b;
  phiq::ContractOp contract = op;
  Value zeros = contract.getWZero(), to = tile.scratch;
  const bool isPacked = shape.rhs.kind == PackedLayout::Kind::CodePanel;
  const int64_t shift = isPacked ? shape.rhs.codeShift() : 0;
  const bool isOne = !zeros || cast<ShapedType>(zeros.getType()).getNumElements() == 1;
  Type element = elementTypeOf(contract.getW());
  b.loop(b.i64(0), b.i64(contraction.paddedColumns(tile.width)), 1, [&](Value i) {
    Value zero = b.splat(1, 32, 0);
    if (zeros) {
      Value at = isOne ? b.i64(0) : b.add(tile.column, b.minimum(i, b.i64(tile.width - 1)));
      zero = loadLanes(b, element, 1, g.place(g.base(zeros), element, at));
    }
    b.store(b.sub(zero, b.splat(1, 32, shift)), b.offset(to, b.mul(i, 4)));
  });
  return to;
}

} // namespace phic
