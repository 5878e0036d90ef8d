//===- FoldDequantizedFactors.cpp - Contractions of codes ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A scale that all elements of a row share comes out of the sum:
//
//     %x = phiq.map dequantize %q, %sx, %zx          %i = phiq.contract %q, %c zero %zx weight_zero %zw
//     %w = phiq.map dequantize %c, %sw, %zw    ->    %y = phiq.map dequantize %i, %s, 0         s = f32(sx sw)
//     %y = phiq.contract %x, %w
//
// and where x is no codes, sums of floats times codes are multiplied by sw. w is a weight, or what x is: codes that are made when
// the program runs, by one scale, and moved. The same of phiq.depthwise, whose weight is dequantized by the channel.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Grid.h"
#include "mlir/IR/IRMapping.h"
#include "passes/Passes.h"
#include "passes/RewritePass.h"

namespace phic {
#define GEN_PASS_DEF_FOLDDEQUANTIZEDFACTORSPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;
using phiq::MapFunction;

/// Rows longer than this could make sums that an i32 does not hold: 255 * 255 each.
constexpr int64_t kMostElements = ((int64_t(1) << 31) - 1) / (255 * 255);

int64_t countOf(Value value) { return cast<ShapedType>(value.getType()).getNumElements(); }

/// Codes with a scale and a zero point, before they are dequantized.
struct Dequantized {
  Value codes, scale, zero;
};

std::optional<Dequantized> dequantizedOf(Value value) {
  auto map = value.getDefiningOp<phiq::MapOp>();
  if (!map || map.getFunction() != MapFunction::Dequantize ||
      elementTypeOf(map.getXs()[0]).getIntOrFloatBitWidth() != 8)
    return std::nullopt;
  return Dequantized{map.getXs()[0], map.getXs()[1], map.getXs()[2]};
}

/// One number, or one for each row of w: [O, 1, ...].
bool isOfRows(phiq::ContractOp op, Value parameter) {
  const int64_t count = countOf(parameter);
  return count == 1 || (!op.getBatched() && count == op.getColumns() && shapeOf(parameter).front() == count &&
                        shapeOf(parameter).size() == shapeOf(op.getW()).size());
}

/// One number, or one for each channel, which is w's last axis.
bool isOfChannels(phiq::DepthwiseOp op, Value parameter) {
  const int64_t count = countOf(parameter);
  return count == 1 || (count == shapeOf(op.getW()).back() && shapeOf(parameter).back() == count);
}

class Folder {
public:
  Folder(Operation *op, PatternRewriter &rewriter) : op(op), rewriter(rewriter) {}

  /// The codes that x's elements stand for, which may have been moved since.
  static std::optional<Dequantized> codesBefore(Value x) {
    while (isa_and_nonnull<phiq::PermuteOp, phiq::ReshapeOp, phiq::SliceOp>(x.getDefiningOp()))
      x = x.getDefiningOp()->getOperand(0);
    std::optional<Dequantized> found = dequantizedOf(x);
    return found && countOf(found->scale) == 1 && countOf(found->zero) == 1 ? found : std::nullopt;
  }

  /// Codes moved as x's elements are.
  Value moved(Value x) {
    if (std::optional<Dequantized> found = dequantizedOf(x))
      return found->codes;
    Operation *move = x.getDefiningOp();
    IRMapping codes;
    codes.map(move->getOperand(0), moved(move->getOperand(0)));
    Operation *clone = rewriter.clone(*move, codes);
    clone->getResult(0).setType(typeOf(elementTypeOf(clone->getOperand(0)), shapeOf(x)));
    return clone->getResult(0);
  }

  Value map(MapFunction function, ValueRange xs, ArrayRef<int64_t> shape) {
    return folded(phiq::MapOp::create(rewriter, op->getLoc(), typeOf(rewriter.getF32Type(), shape), function, xs));
  }

  /// Sums of products of codes as floats, in place of the op.
  void replaceBy(Value sums, const Dequantized &x, const Dequantized &w) {
    Value sx = flat(x.scale), sw = flat(w.scale);
    Value scale = map(MapFunction::Multiply, {sx, sw}, shapeOf(sw));
    rewriter.replaceOp(op, map(MapFunction::Dequantize, {sums, scale, none()}, shapeOf(op->getResult(0))));
  }

  /// A parameter without axes, or along the last one.
  Value flat(Value parameter) {
    SmallVector<int64_t> shape;
    if (countOf(parameter) > 1)
      shape.push_back(countOf(parameter));
    if (shapeOf(parameter) == ArrayRef(shape))
      return parameter;
    return folded(phiq::ReshapeOp::create(rewriter, op->getLoc(), typeOf(elementTypeOf(parameter), shape), parameter));
  }

  /// Zero points that are all 0 are none.
  Value withoutNeutral(Value zero) {
    if (!zero)
      return {};
    if (auto constant = zero.getDefiningOp<phiq::ConstantOp>())
      if (llvm::all_of(numbersOf(constant.getValue()).integers, [](int64_t number) { return number == 0; }))
        return {};
    return flat(zero);
  }

  /// The op's result, or the constant that it is.
  Value folded(Operation *made) {
    DenseElementsAttr value = evaluate(made);
    if (!value)
      return made->getResult(0);
    Value result = phiq::ConstantOp::create(rewriter, op->getLoc(), cast<RankedTensorType>(value.getType()), value);
    rewriter.eraseOp(made);
    return result;
  }

  static RankedTensorType typeOf(Type element, ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, element);
  }

private:
  Operation *op;
  PatternRewriter &rewriter;

  Value none() {
    auto type = typeOf(rewriter.getI32Type(), {});
    return phiq::ConstantOp::create(rewriter, op->getLoc(), type, DenseElementsAttr::get(type, int32_t(0)));
  }
};

struct FoldFactors : OpRewritePattern<phiq::ContractOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::ContractOp op, PatternRewriter &rewriter) const override {
    Folder folder(op, rewriter);
    std::optional<Dequantized> w = dequantizedOf(op.getW()), movedW = Folder::codesBefore(op.getW());
    if (w ? !isOfRows(op, w->scale) || !isOfRows(op, w->zero) : !movedW)
      return rewriter.notifyMatchFailure(op, "requires a weight that is dequantized by one scale, or one a row");
    w = w ? w : movedW;
    auto contract = [&](Type element, Value x, Value xZero) -> Value {
      return phiq::ContractOp::create(rewriter, op.getLoc(), Folder::typeOf(element, shapeOf(op.getResult())), x,
                                      folder.moved(op.getW()), folder.withoutNeutral(xZero),
                                      folder.withoutNeutral(w->zero), op.getKernelAttr(), op.getStridesAttr(),
                                      op.getPadsAttr(), op.getDilationsAttr(), op.getBatchedAttr());
    };
    std::optional<Dequantized> x = op.getK() <= kMostElements ? Folder::codesBefore(op.getX()) : std::nullopt;
    if (x) {
      folder.replaceBy(contract(rewriter.getI32Type(), folder.moved(op.getX()), x->zero), *x, *w);
      return success();
    }
    if (!dequantizedOf(op.getW()) || !w->codes.getDefiningOp<phiq::WeightOp>())
      return rewriter.notifyMatchFailure(op, "requires a weight of the model beside floats");
    Value sums = contract(rewriter.getF32Type(), op.getX(), {});
    rewriter.replaceOp(op, folder.map(MapFunction::Multiply, {sums, folder.flat(w->scale)}, shapeOf(op.getResult())));
    return success();
  }
};

/// Beside floats a weight of codes is floats, too: there is one for many elements.
struct FoldChannelFactors : OpRewritePattern<phiq::DepthwiseOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::DepthwiseOp op, PatternRewriter &rewriter) const override {
    Folder folder(op, rewriter);
    std::optional<Dequantized> w = dequantizedOf(op.getW());
    if (!w || !isOfChannels(op, w->scale) || !isOfChannels(op, w->zero))
      return rewriter.notifyMatchFailure(op, "requires a weight that is dequantized by one scale, or one a channel");
    ArrayRef<int64_t> kernel = shapeOf(op.getW()).drop_back();
    const bool isShort = ShapedType::getNumElements(kernel) <= kMostElements;
    std::optional<Dequantized> x = isShort ? Folder::codesBefore(op.getX()) : std::nullopt;
    if (x) {
      Value sums = phiq::DepthwiseOp::create(
          rewriter, op.getLoc(), Folder::typeOf(rewriter.getI32Type(), shapeOf(op.getResult())),
          folder.moved(op.getX()), w->codes, folder.withoutNeutral(x->zero), folder.withoutNeutral(w->zero),
          op.getStridesAttr(), op.getPadsAttr(), op.getDilationsAttr());
      folder.replaceBy(sums, *x, *w);
      return success();
    }
    DenseElementsAttr floats = evaluate(op.getW().getDefiningOp());
    if (!floats)
      return rewriter.notifyMatchFailure(op, "requires codes that are known beside floats");
    Value known = phiq::ConstantOp::create(rewriter, op.getLoc(), cast<RankedTensorType>(floats.getType()), floats);
    rewriter.modifyOpInPlace(op, [&] { op.getWMutable().assign(known); });
    return success();
  }
};

struct FoldDequantizedFactors
    : RewritePass<impl::FoldDequantizedFactorsPassBase<FoldDequantizedFactors>, FoldFactors, FoldChannelFactors> {};

} // namespace
} // namespace phic
