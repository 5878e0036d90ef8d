//===- SinkPermutes.cpp - Let transpositions meet --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops on windows are channels last, graphs mostly channels first: importers put a phiq.permute before and behind each. What
// lies between two of them is done in the order that the first one has, and they meet:
//
//     %p = phiq.permute %x {order = [0, 3, 1, 2]}          %r = phiq.map relu %x
//     %r = phiq.map relu %p                           ->   (uses of %q take %r)
//     %q = phiq.permute %r {order = [0, 2, 3, 1]}
//
// Result axis i of a permute is axis order[i] of its operand. Reshapes sink through maps where these then join a contraction.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/Grid.h"
#include "passes/Passes.h"
#include "passes/RewritePass.h"

namespace phic {
#define GEN_PASS_DEF_SINKPERMUTESPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;
using Order = SmallVector<int64_t>;

Order inverse(ArrayRef<int64_t> order) {
  Order result(order.size());
  for (auto [i, axis] : llvm::enumerate(order))
    result[size_t(axis)] = int64_t(i);
  return result;
}

SmallVector<int64_t> permutedShape(ArrayRef<int64_t> shape, ArrayRef<int64_t> order) {
  return llvm::map_to_vector(order, [&](int64_t axis) { return shape[size_t(axis)]; });
}

/// Whether the elements stay where they are: axes of more than one element keep their order.
bool movesNothing(ArrayRef<int64_t> shape, ArrayRef<int64_t> order) {
  int64_t last = -1;
  for (int64_t axis : order) {
    if (shape[size_t(axis)] == 1)
      continue;
    if (axis < last)
      return false;
    last = axis;
  }
  return true;
}

RankedTensorType typeLike(Value x, ArrayRef<int64_t> shape) { return RankedTensorType::get(shape, elementTypeOf(x)); }

/// The op's result, or the constant that it is where x is one.
Value evaluated(PatternRewriter &rewriter, Operation *op) {
  DenseElementsAttr value = evaluate(op);
  if (!value)
    return op->getResult(0);
  Value constant = phiq::ConstantOp::create(rewriter, op->getLoc(), op->getResult(0).getType(), value);
  rewriter.eraseOp(op);
  return constant;
}

/// x with its axes in that order: seen through a reshape, where that does.
Value permuted(PatternRewriter &rewriter, Value x, ArrayRef<int64_t> order) {
  RankedTensorType type = typeLike(x, permutedShape(shapeOf(x), order));
  const bool isReshape = movesNothing(shapeOf(x), order);
  if (isReshape && x.getType() == type)
    return x;
  if (isReshape)
    return evaluated(rewriter, phiq::ReshapeOp::create(rewriter, x.getLoc(), type, x));
  return evaluated(rewriter, phiq::PermuteOp::create(rewriter, x.getLoc(), type, x, order));
}

/// x with axes of size 1 put before it.
Value withRank(PatternRewriter &rewriter, Value x, size_t rank) {
  ArrayRef<int64_t> shape = shapeOf(x);
  if (shape.size() == rank)
    return x;
  SmallVector<int64_t> wider(rank - shape.size(), 1);
  llvm::append_range(wider, shape);
  return evaluated(rewriter, phiq::ReshapeOp::create(rewriter, x.getLoc(), typeLike(x, wider), x));
}

/// permute(permute(x)) is one; one that moves nothing is a reshape.
struct FoldPermute : OpRewritePattern<phiq::PermuteOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::PermuteOp op, PatternRewriter &rewriter) const override {
    if (auto inner = op.getX().getDefiningOp<phiq::PermuteOp>()) {
      rewriter.replaceOp(op, permuted(rewriter, inner.getX(), permutedShape(inner.getOrder(), op.getOrder())));
      return success();
    }
    if (!movesNothing(shapeOf(op.getX()), op.getOrder()))
      return rewriter.notifyMatchFailure(op, "requires the permute of a permute, or one that moves nothing");
    rewriter.replaceOp(op, permuted(rewriter, op.getX(), op.getOrder()));
    return success();
  }
};

/// reshape(reshape(x)), and the reshape of a value to its own shape.
struct FoldReshape : OpRewritePattern<phiq::ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::ReshapeOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getX().getDefiningOp<phiq::ReshapeOp>();
    Value x = inner ? inner.getX() : op.getX();
    if (x.getType() == op.getType()) {
      rewriter.replaceOp(op, x);
      return success();
    }
    if (!inner)
      return rewriter.notifyMatchFailure(op, "requires the reshape of a reshape");
    rewriter.replaceOpWithNewOp<phiq::ReshapeOp>(op, op.getType(), x);
    return success();
  }
};

/// map(permute(a), permute(b), c) = permute(map(a, b, c')) where c' costs nothing.
struct SinkThroughMap : OpRewritePattern<phiq::MapOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::MapOp op, PatternRewriter &rewriter) const override {
    const size_t rank = shapeOf(op.getResult()).size();
    phiq::PermuteOp first;
    for (Value x : op.getTensors())
      if (auto permute = x.getDefiningOp<phiq::PermuteOp>(); permute && shapeOf(x).size() == rank && !first)
        first = permute;
    if (!first)
      return rewriter.notifyMatchFailure(op, "requires a permute of the result's rank");
    const Order order(first.getOrder()), back = inverse(order);
    if (!llvm::all_of(op.getTensors(), [&](Value x) { return isFree(x, order, back, rank); }))
      return rewriter.notifyMatchFailure(op, "requires operands that are permuted likewise, or for nothing");
    SmallVector<Value> xs = llvm::map_to_vector(op.getTensors(), [&](Value x) {
      auto permute = x.getDefiningOp<phiq::PermuteOp>();
      return permute && permute.getOrder() == ArrayRef(order) ? Value(permute.getX())
                                                              : permuted(rewriter, withRank(rewriter, x, rank), back);
    });
    if (Value table = op.getTable())
      xs.push_back(table);
    auto type = typeLike(op.getResult(), permutedShape(shapeOf(op.getResult()), back));
    auto map = phiq::MapOp::create(rewriter, op.getLoc(), type, op.getFunction(), xs);
    rewriter.replaceOpWithNewOp<phiq::PermuteOp>(op, op.getType(), map, order);
    return success();
  }

private:
  static bool isFree(Value x, ArrayRef<int64_t> order, ArrayRef<int64_t> back, size_t rank) {
    if (auto permute = x.getDefiningOp<phiq::PermuteOp>(); permute && permute.getOrder() == order)
      return true;
    if (x.getDefiningOp<phiq::ConstantOp>())
      return true;
    SmallVector<int64_t> shape(rank - shapeOf(x).size(), 1);
    llvm::append_range(shape, shapeOf(x));
    return movesNothing(shape, back);
  }
};

/// What a map behind it joins, or a permute, which sinks further.
bool isWorthReaching(Value x) {
  return isa_and_nonnull<phiq::ContractOp, phiq::DepthwiseOp, phiq::MapOp, phiq::PermuteOp>(x.getDefiningOp());
}

/// map(reshape(x), y) = reshape(map(x, y')) where x is what a map joins, and y' costs nothing: a map of a contraction is
/// computed with it, whatever shape the graph gives the result.
struct SinkReshape : OpRewritePattern<phiq::MapOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::MapOp op, PatternRewriter &rewriter) const override {
    for (Value x : op.getTensors()) {
      auto reshape = x.getDefiningOp<phiq::ReshapeOp>();
      if (!reshape || shapeOf(x) != shapeOf(op.getResult()) || !isWorthReaching(reshape.getX()))
        continue;
      ArrayRef<int64_t> from = shapeOf(reshape.getX()), to = shapeOf(x);
      if (!llvm::all_of(op.getTensors(), [&](Value y) { return isSeen(y, from, to); }))
        continue;
      SmallVector<Value> xs =
          llvm::map_to_vector(op.getTensors(), [&](Value y) { return seen(rewriter, y, from, to); });
      if (Value table = op.getTable())
        xs.push_back(table);
      auto map = phiq::MapOp::create(rewriter, op.getLoc(), typeLike(op.getResult(), from), op.getFunction(), xs);
      rewriter.replaceOpWithNewOp<phiq::ReshapeOp>(op, op.getType(), map);
      return success();
    }
    return rewriter.notifyMatchFailure(op,
                                       "requires a reshape of what it joins, beside operands that broadcast to that");
  }

private:
  static int64_t countOf(Value y) { return ShapedType::getNumElements(shapeOf(y)); }

  /// Elements of `to` in which y, which broadcasts to it, repeats itself.
  static int64_t period(Value y, ArrayRef<int64_t> to) {
    ArrayRef<int64_t> own = shapeOf(y).drop_while([](int64_t size) { return size == 1; });
    return ShapedType::getNumElements(to.take_back(own.size()));
  }
  static bool isLastAxis(Value y, ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
    return !from.empty() && !to.empty() && from.back() == to.back() && countOf(y) == to.back() &&
           shapeOf(y).back() == to.back();
  }
  static bool isConstant(Value y) { return y.getDefiningOp<phiq::ConstantOp>() != nullptr; }

  /// Whether y, beside a tensor of shape `to`, can be had beside one of shape `from`. As large a one that maps join as well
  /// must have been reshaped likewise, or both would sink through each other again and again.
  static bool isSeen(Value y, ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
    if (countOf(y) == 1 || isLastAxis(y, from, to))
      return true;
    if (shapeOf(y) == to) {
      auto reshape = y.getDefiningOp<phiq::ReshapeOp>();
      return isConstant(y) || (reshape ? shapeOf(reshape.getX()) == from : !isWorthReaching(y));
    }
    return isConstant(y) && !from.empty() && from.back() % period(y, to) == 0;
  }

  static Value seen(PatternRewriter &rewriter, Value y, ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
    auto reshaped = [&](Value x, ArrayRef<int64_t> shape) {
      return shapeOf(x) == shape
                 ? x
                 : evaluated(rewriter, phiq::ReshapeOp::create(rewriter, x.getLoc(), typeLike(x, shape), x));
    };
    auto repeated = [&](Value x, ArrayRef<int64_t> shape) {
      return evaluated(rewriter, phiq::BroadcastOp::create(rewriter, x.getLoc(), typeLike(x, shape), x));
    };
    if (countOf(y) == 1)
      return reshaped(y, {});
    if (shapeOf(y) == to)
      return reshaped(y, from);
    if (isLastAxis(y, from, to))
      return reshaped(y, from.take_back(1));
    const int64_t count = period(y, to), last = from.back();
    ArrayRef<int64_t> own = shapeOf(y).drop_while([](int64_t size) { return size == 1; });
    Value whole = repeated(reshaped(y, own), to.take_back(own.size()));
    return reshaped(repeated(reshaped(whole, {1, count}), {last / count, count}), {last});
  }
};

/// A reshape that only drops or adds axes of size 1: reshape(permute(x)) = permute(reshape(x)).
struct SinkThroughReshape : OpRewritePattern<phiq::ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::ReshapeOp op, PatternRewriter &rewriter) const override {
    auto permute = op.getX().getDefiningOp<phiq::PermuteOp>();
    auto large = [](int64_t size) { return size != 1; };
    if (!permute || !llvm::equal(llvm::make_filter_range(shapeOf(permute), large),
                                 llvm::make_filter_range(shapeOf(op.getResult()), large)))
      return rewriter.notifyMatchFailure(op, "requires a permute, and axes of size 1 that come or go");
    // Large axes of the result, in order, are those of x that the permute names; axes of size 1 come first in x's form.
    SmallVector<int64_t> named;
    for (int64_t axis : permute.getOrder())
      if (shapeOf(permute.getX())[size_t(axis)] != 1)
        named.push_back(axis);
    SmallVector<int64_t> inX = named;
    llvm::sort(inX);
    const auto units = int64_t(shapeOf(op.getResult()).size() - named.size());
    SmallVector<int64_t> shape(size_t(units), 1), order;
    for (int64_t axis : inX)
      shape.push_back(shapeOf(permute.getX())[size_t(axis)]);
    int64_t unit = 0;
    size_t next = 0;
    for (int64_t size : shapeOf(op.getResult()))
      order.push_back(size == 1 ? unit++ : units + (llvm::find(inX, named[next++]) - inX.begin()));
    Value x = phiq::ReshapeOp::create(rewriter, op.getLoc(), typeLike(op.getX(), shape), permute.getX());
    rewriter.replaceOp(op, permuted(rewriter, x, order));
    return success();
  }
};

/// concat(permute(a), permute(b)) = permute(concat(a, b))
struct SinkThroughConcat : OpRewritePattern<phiq::ConcatOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::ConcatOp op, PatternRewriter &rewriter) const override {
    auto first = op.getXs().front().getDefiningOp<phiq::PermuteOp>();
    if (!first)
      return rewriter.notifyMatchFailure(op, "requires permutes");
    const Order order(first.getOrder());
    SmallVector<Value> xs;
    for (Value x : op.getXs()) {
      auto permute = x.getDefiningOp<phiq::PermuteOp>();
      if (!permute || permute.getOrder() != ArrayRef(order))
        return rewriter.notifyMatchFailure(op, "requires permutes of one order");
      xs.push_back(permute.getX());
    }
    auto type = typeLike(op.getResult(), permutedShape(shapeOf(op.getResult()), inverse(order)));
    auto concat = phiq::ConcatOp::create(rewriter, op.getLoc(), type, xs, order[size_t(op.getAxis())]);
    rewriter.replaceOpWithNewOp<phiq::PermuteOp>(op, op.getType(), concat, order);
    return success();
  }
};

/// reduce(permute(x)) = permute(reduce(x)), of the axes that are left.
struct SinkThroughReduce : OpRewritePattern<phiq::ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::ReduceOp op, PatternRewriter &rewriter) const override {
    auto permute = op.getX().getDefiningOp<phiq::PermuteOp>();
    if (!permute)
      return rewriter.notifyMatchFailure(op, "requires a permute");
    SmallVector<int64_t> axes, left;
    for (auto [i, axis] : llvm::enumerate(permute.getOrder()))
      (llvm::is_contained(op.getAxes(), int64_t(i)) ? axes : left).push_back(axis);
    llvm::sort(axes);
    SmallVector<int64_t> inX = left;
    llvm::sort(inX);
    Order order = llvm::map_to_vector(left, [&](int64_t axis) { return int64_t(llvm::find(inX, axis) - inX.begin()); });
    auto type = typeLike(op.getResult(), permutedShape(shapeOf(permute.getX()), inX));
    auto reduce = phiq::ReduceOp::create(rewriter, op.getLoc(), type, op.getKind(), permute.getX(), axes);
    rewriter.replaceOp(op, permuted(rewriter, reduce, order));
    return success();
  }
};

/// pad(permute(x)) = permute(pad(x))
struct SinkThroughPad : OpRewritePattern<phiq::PadOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(phiq::PadOp op, PatternRewriter &rewriter) const override {
    auto permute = op.getX().getDefiningOp<phiq::PermuteOp>();
    if (!permute)
      return rewriter.notifyMatchFailure(op, "requires a permute");
    const Order order(permute.getOrder()), back = inverse(order);
    auto type = typeLike(op.getX(), permutedShape(shapeOf(op.getResult()), back));
    auto pad = cast<phiq::PadOp>(rewriter.clone(*op));
    pad.getXMutable().assign(permute.getX());
    pad.setBefore(permutedShape(op.getBefore(), back));
    pad.getResult().setType(type);
    rewriter.replaceOpWithNewOp<phiq::PermuteOp>(op, op.getType(), pad, order);
    return success();
  }
};

struct SinkPermutes
    : RewritePass<impl::SinkPermutesPassBase<SinkPermutes>, FoldPermute, FoldReshape, SinkThroughMap, SinkReshape,
                  SinkThroughReshape, SinkThroughConcat, SinkThroughReduce, SinkThroughPad> {};

} // namespace
} // namespace phic
