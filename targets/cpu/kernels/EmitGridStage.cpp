//===- EmitGridStage.cpp - One op on a grid of elements --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tile is a run of the result's elements, and an op is what one element is: plain loops, which any index space has.
// An op is a row of the table below.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "targets/KernelName.h"
#include "targets/cpu/kernels/StageEmitter.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace phic {
namespace {

/// Elements of a result that a tile computes.
constexpr int64_t kTileElements = 256;

Type elementTypeOf(Value value) { return cast<ShapedType>(value.getType()).getElementType(); }
unsigned argumentIndex(Value value) { return cast<BlockArgument>(value).getArgNumber(); }

/// The emitter with what is asked of it for every element.
struct GridEmitter {
  StageEmitter &e;
  KernelBuilder &b;

  /// An element of an operand: floats as they are, 8-bit integers as i32.
  Value load(Value operand, Value element) {
    Value at = e.inputElement(argumentIndex(operand), element);
    Type type = elementTypeOf(operand);
    if (type.isF32())
      return b.load(type, at);
    Value byte = b.load(b.getI8Type(), at);
    return cast<IntegerType>(type).isUnsigned() ? Value(arith::ExtUIOp::create(b, b.getI32Type(), byte))
                                                : Value(arith::ExtSIOp::create(b, b.getI32Type(), byte));
  }
  /// The one element of a weight.
  Value scalar(Value operand) { return b.load(b.getF32Type(), e.weight(argumentIndex(operand))); }

  Value isGreater(Value x, Value y) {
    return x.getType().isF32() ? Value(arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, x, y))
                               : Value(arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, x, y));
  }
};

/// saturate(round_half_even(f32(x / scale)) + zero): the sum is saturated before it is taken, in floats, which hold all
/// of it exactly.
Value quantizeLinear(Operation *op, GridEmitter &g, Value element) {
  auto quantize = cast<phiq::QuantizeLinearOp>(op);
  KernelBuilder &b = g.b;
  const bool isUnsigned = cast<IntegerType>(elementTypeOf(quantize.getResult())).isUnsigned();
  const auto zero = int32_t(quantize.getZero());
  auto bound = [&](int32_t code) { return b.f32(float(code - zero)); };
  Value steps = b.fdiv(g.load(quantize.getX(), element), g.scalar(quantize.getScale()));
  Value isNan = arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, steps, steps);
  Value nearest = LLVM::RoundEvenOp::create(b, b.getF32Type(), b.select(isNan, b.f32(0), steps));
  Value least = bound(isUnsigned ? 0 : -128), greatest = bound(isUnsigned ? 255 : 127);
  nearest = b.fmax(nearest, least);
  nearest = b.select(arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, nearest, greatest), nearest, greatest);
  return b.add(arith::FPToSIOp::create(b, b.getI32Type(), nearest), b.i32(zero));
}

/// f32(scale * (q - zero))
Value dequantizeLinear(Operation *op, GridEmitter &g, Value element) {
  auto dequantize = cast<phiq::DequantizeLinearOp>(op);
  Value steps = g.b.sub(g.load(dequantize.getX(), element), g.b.i32(int32_t(dequantize.getZero())));
  return g.b.fmul(g.scalar(dequantize.getScale()), g.b.toFloat(steps));
}

Value reshape(Operation *op, GridEmitter &g, Value element) { return g.load(op->getOperand(0), element); }

/// The window of one element of a max_pool, walked over x.
class PoolWindow {
public:
  PoolWindow(phiq::MaxPoolOp op, GridEmitter &g, Value element)
      : op(op), g(g), b(g.b), x(cast<ShapedType>(op.getX().getType()).getShape()) {
    ArrayRef<int64_t> y = op.getType().getShape();
    plane = b.divide(element, y[2] * y[3]);
    Value inPlane = b.sub(element, b.mul(plane, y[2] * y[3]));
    Value i = b.divide(inPlane, y[3]), j = b.sub(inPlane, b.mul(i, y[3]));
    top = b.add(b.mul(i, op.getStrides()[0]), -op.getPads()[0]);
    left = b.add(b.mul(j, op.getStrides()[1]), -op.getPads()[1]);
  }

  /// The greatest so far, and whether there is one, are carried from place to place.
  Value greatest() {
    Value none = elementTypeOf(op.getX()).isF32() ? b.f32(0) : b.i32(0);
    Value no = arith::ConstantOp::create(b, b.getBoolAttr(false));
    return b.loop(b.i64(0), b.i64(op.getKernel()[0]), 1, ValueRange{none, no}, [&](Value a, ValueRange rows) {
      Value h = b.add(top, b.mul(a, op.getDilations()[0]));
      return b.loop(b.i64(0), b.i64(op.getKernel()[1]), 1, rows, [&](Value column, ValueRange best) {
        return visit(h, b.add(left, b.mul(column, op.getDilations()[1])), best[0], best[1]);
      });
    })[0];
  }

private:
  Value isInside(Value at, int64_t size) {
    return arith::AndIOp::create(b, b.less(b.i64(-1), at), b.less(at, b.i64(size)));
  }

  KernelBuilder::Values visit(Value h, Value w, Value best, Value hasBest) {
    Value inside = arith::AndIOp::create(b, isInside(h, x[2]), isInside(w, x[3]));
    // Outside, any element may be read: it does not count.
    Value at = b.add(b.mul(b.add(b.mul(plane, x[2]), h), x[3]), w);
    Value value = g.load(op.getX(), b.select(inside, at, b.i64(0)));
    Value isFirst = arith::XOrIOp::create(b, hasBest, arith::ConstantOp::create(b, b.getBoolAttr(true)));
    Value counts = arith::AndIOp::create(b, inside, arith::OrIOp::create(b, isFirst, g.isGreater(value, best)));
    return {b.select(counts, value, best), arith::OrIOp::create(b, hasBest, inside)};
  }

  phiq::MaxPoolOp op;
  GridEmitter &g;
  KernelBuilder &b;
  ArrayRef<int64_t> x;
  Value plane, top, left;
};

Value maxPool(Operation *op, GridEmitter &g, Value element) {
  return PoolWindow(cast<phiq::MaxPoolOp>(op), g, element).greatest();
}

/// What one element of an op's result is.
struct GridOp {
  StringRef name;
  Value (*element)(Operation *op, GridEmitter &g, Value element);
};

template <typename Op> GridOp row(Value (*element)(Operation *, GridEmitter &, Value)) {
  return {Op::getOperationName(), element};
}

const GridOp *gridOp(Operation *op) {
  static const GridOp table[] = {
      row<phiq::QuantizeLinearOp>(quantizeLinear),
      row<phiq::DequantizeLinearOp>(dequantizeLinear),
      row<phiq::MaxPoolOp>(maxPool),
      row<phiq::ReshapeOp>(reshape),
  };
  const GridOp *found =
      llvm::find_if(table, [&](const GridOp &row) { return row.name == op->getName().getStringRef(); });
  return found == std::end(table) ? nullptr : found;
}

std::string elementName(Type type) { return type.isF32() ? "f32" : cast<IntegerType>(type).isUnsigned() ? "u8" : "s8"; }

} // namespace

FailureOr<StageKernel> emitGridStage(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target) {
  plan::StageOp stage = facts.stage;
  Operation *op = &stage.getBody().front().front();
  const GridOp *row = gridOp(op);
  assert(row && op->getNumResults() == 1 && "every op on a grid has a row");
  auto type = cast<ShapedType>(op->getResult(0).getType());
  const int64_t elements = type.getNumElements();
  StageKernel kernel{{int64_t(llvm::divideCeil(elements, kTileElements)), *facts.rows}, 0, {}};
  KernelName name{.op = op->getName().stripDialect().str(),
                  .lhs = elementName(elementTypeOf(op->getOperand(0))),
                  .out = elementName(type.getElementType()),
                  .shape = "n" + std::to_string(elements),
                  .isa = target.isa};
  kernel.symbol = defineStageKernel(library, facts, "", name.str(), [&](StageEmitter &e) {
    GridEmitter g{e, e.b};
    e.overElements(elements, kTileElements, [&](Value element) {
      Value value = row->element(op, g, element);
      if (!type.getElementType().isF32() && !value.getType().isInteger(8))
        value = arith::TruncIOp::create(e.b, e.b.getI8Type(), value);
      e.b.store(value, e.resultElement(0, element));
    });
  });
  return kernel;
}

} // namespace phic
