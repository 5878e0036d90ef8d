//===- NormOps.cpp - Imports softmax and normalizations --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Along the last axis there are ops for them. BatchNormalization is a factor and a term for each channel, constants where
// its parameters are.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/graph/QuantizedNode.h"
#include "compiler/import/onnx/graph/WindowNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

using phiq::MapFunction;
using phiq::ReduceKind;

/// The axis is the last meanwhile.
Value softmaxAlong(NodeImport &node, Value x, int64_t axis, bool isLog) {
  SmallVector<int64_t> order, back(shapeOf(x).size());
  for (int64_t other = 0; other < int64_t(back.size()); ++other)
    if (other != axis)
      order.push_back(other);
  order.push_back(axis);
  for (auto [to, from] : llvm::enumerate(order))
    back[size_t(from)] = int64_t(to);
  Value moved = inOrder(node, x, order);
  return inOrder(node, make<phiq::SoftmaxOp>(node, cast<RankedTensorType>(moved.getType()), moved, isLog), back);
}

/// Before operator set 13 all axes from `axis` on are one; since then it is that axis alone.
FailureOr<Value> softmax(NodeImport &node, FailureOr<Value> x, bool isFlat, bool isLog) {
  if (llvm::failed(x))
    return failure();
  ArrayRef<int64_t> shape = shapeOf(*x);
  FailureOr<int64_t> axis = axisOf(node, node.integer("axis", isFlat ? 1 : -1), int64_t(shape.size()));
  if (llvm::failed(axis))
    return failure();
  if (!isFlat)
    return softmaxAlong(node, *x, *axis, isLog);
  const SmallVector<int64_t> rows = {ShapedType::getNumElements(shape.take_front(size_t(*axis))),
                                     ShapedType::getNumElements(shape.drop_front(size_t(*axis)))};
  return reshape(node, softmaxAlong(node, reshape(node, *x, rows), 1, isLog), shape);
}

LogicalResult importSoftmaxes(NodeImport &node, bool isLog) {
  return give(node, softmax(node, floatsOf(node, 0), node.importer.model.opset("") < 13, isLog));
}

/// A float vector with `count` numbers, in whatever shape; `absent` in each where the node has none.
FailureOr<Value> parameters(NodeImport &node, unsigned index, int64_t count, float absent) {
  auto type = typeOf(node.builder.getF32Type(), {count});
  if (!node.has(index)) {
    Rows numbers = roomFor(type);
    llvm::fill(numbers.values, absent);
    return constant(node, numbers, type);
  }
  FailureOr<Value> found = floatsOf(node, index);
  if (llvm::failed(found))
    return failure();
  if (ShapedType::getNumElements(shapeOf(*found)) != count)
    return node.unsupportedInput(index, "must be " + llvm::Twine(count) + " numbers, found " +
                                            llvm::Twine(ShapedType::getNumElements(shapeOf(*found))));
  return reshape(node, *found, {count});
}

/// x as rows, normalized; also the mean and the inverse deviation of each row where the node gives them, from result
/// `statistics` on.
LogicalResult normalize(NodeImport &node, Value x, int64_t axis, FailureOr<Value> scale, FailureOr<Value> bias,
                        unsigned statistics) {
  if (llvm::failed(scale) || llvm::failed(bias))
    return failure();
  ArrayRef<int64_t> shape = shapeOf(x);
  const float epsilon = node.real("epsilon", 1e-5f);
  const SmallVector<int64_t> rows = {ShapedType::getNumElements(shape.take_front(size_t(axis))),
                                     ShapedType::getNumElements(shape.drop_front(size_t(axis)))};
  Value flat = reshape(node, x, rows);
  Value result = make<phiq::NormalizeOp>(node, typeOf(x, rows), flat, *scale, *bias, llvm::APFloat(epsilon));
  SmallVector<int64_t> column(shape);
  std::fill(column.begin() + axis, column.end(), 1);
  if (node.hasResult(statistics) || node.hasResult(statistics + 1)) {
    auto mean = [&](Value of) {
      return make<phiq::ReduceOp>(node, typeOf(x, {rows[0]}), ReduceKind::Mean, of, ArrayRef<int64_t>{1});
    };
    Value m = reshape(node, mean(flat), {rows[0], 1});
    Value centered = *map(node, MapFunction::Subtract, {flat, m});
    Value variance = mean(*map(node, MapFunction::Multiply, {centered, centered}));
    Value deviation = *map(node, MapFunction::SquareRoot,
                           *map(node, MapFunction::Add, {variance, scalar(node, epsilon, elementTypeOf(x))}));
    Value inverse = *map(node, MapFunction::Divide, {scalar(node, 1, elementTypeOf(x)), deviation});
    for (auto [index, value] : llvm::enumerate(ArrayRef<Value>{m, inverse}))
      if (node.hasResult(statistics + unsigned(index)))
        (void)give(node, reshape(node, value, column), statistics + unsigned(index));
  }
  return give(node, reshape(node, result, shape));
}

/// [C] as what broadcasts to x, [N, C, ...].
Value alongChannels(NodeImport &node, Value parameter, Value x) {
  SmallVector<int64_t> along(shapeOf(x).size() - 1, 1);
  along[0] = shapeOf(x)[1];
  return reshape(node, parameter, along);
}

struct ChannelStatistics {
  Value mean, variance;
};

/// Of each channel of x [N, C, ...]; the variance is that of the elements, not an estimate from them.
ChannelStatistics statisticsOf(NodeImport &node, Value x) {
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, int64_t(shapeOf(x).size())));
  axes.erase(axes.begin() + 1);
  auto meanOf = [&](Value of) {
    return make<phiq::ReduceOp>(node, typeOf(x, {shapeOf(x)[1]}), ReduceKind::Mean, of, axes);
  };
  Value mean = meanOf(x);
  Value centered = *map(node, MapFunction::Subtract, {x, alongChannels(node, mean, x)});
  return {mean, meanOf(*map(node, MapFunction::Multiply, {centered, centered}))};
}

/// from * momentum + to * (1 - momentum)
FailureOr<Value> movedTo(NodeImport &node, Value from, Value to, float momentum) {
  Type element = elementTypeOf(from);
  Value kept = *map(node, MapFunction::Multiply, {from, scalar(node, momentum, element)}),
        added = *map(node, MapFunction::Multiply, {to, scalar(node, 1 - momentum, element)});
  return map(node, MapFunction::Add, {kept, added});
}

} // namespace

LogicalResult importSoftmax(NodeImport &node) { return importSoftmaxes(node, /*isLog=*/false); }
LogicalResult importLogSoftmax(NodeImport &node) { return importSoftmaxes(node, /*isLog=*/true); }

/// Attribute opset says which Softmax it is.
LogicalResult importQLinearSoftmax(NodeImport &node) {
  const bool isFlat = node.integer("opset", 13) < 13;
  FailureOr<Value> codes = tensorOf(node, 0), y = softmax(node, dequantized(node, 0), isFlat, /*isLog=*/false);
  return llvm::failed(codes) ? failure() : give(node, quantized(node, y, 3, elementTypeOf(*codes)));
}

LogicalResult importLayerNormalization(NodeImport &node) {
  node.ignore({"stash_type"}); // sums of f32 are of f32
  FailureOr<Value> x = floatsOf(node, 0);
  if (llvm::failed(x))
    return failure();
  ArrayRef<int64_t> shape = shapeOf(*x);
  FailureOr<int64_t> axis = axisOf(node, node.integer("axis", -1), int64_t(shape.size()));
  if (llvm::failed(axis))
    return failure();
  const int64_t count = ShapedType::getNumElements(shape.drop_front(size_t(*axis)));
  return normalize(node, *x, *axis, parameters(node, 1, count, 1), parameters(node, 2, count, 0), 1);
}

/// x + skip (+ bias, input 4), which is result 3, normalized along the last axis.
LogicalResult importSkipLayerNormalization(NodeImport &node) {
  FailureOr<Value> x = floatsOf(node, 0), skip = floatsOf(node, 1);
  if (llvm::failed(x) || llvm::failed(skip))
    return failure();
  FailureOr<Value> sum = map(node, MapFunction::Add, {*x, *skip});
  if (llvm::failed(sum) || shapeOf(*sum) != shapeOf(*x) || shapeOf(*x).empty())
    return node.unsupportedInput(1, "(skip) must be of input 0's shape");
  const int64_t count = shapeOf(*x).back();
  if (node.has(4)) {
    FailureOr<Value> bias = parameters(node, 4, count, 0);
    if (llvm::failed(bias))
      return failure();
    sum = map(node, MapFunction::Add, {*sum, *bias});
  }
  if (node.hasResult(3))
    (void)give(node, *sum, 3);
  return normalize(node, *sum, int64_t(shapeOf(*x).size()) - 1, parameters(node, 2, count, 1),
                   parameters(node, 3, count, 0), 1);
}

/// x * a + b with a = scale / sqrt(variance + epsilon) and b = bias - mean * a. In training, mean and variance are x's own, and
/// results 1 and 2 the node's moved toward them.
LogicalResult importBatchNormalization(NodeImport &node) {
  node.ignore({"spatial"});
  const float epsilon = node.real("epsilon", 1e-5f), momentum = node.real("momentum", 0.9f);
  const bool isTraining = node.integer("training_mode", 0);
  FailureOr<Value> x = floatsOf(node, 0);
  if (llvm::failed(x))
    return failure();
  if (shapeOf(*x).size() < 2)
    return node.unsupportedInput(0, "must be of rank 2 or more");
  const int64_t channels = shapeOf(*x)[1];
  FailureOr<Value> scale = parameters(node, 1, channels, 1), bias = parameters(node, 2, channels, 0);
  FailureOr<Value> mean = parameters(node, 3, channels, 0), variance = parameters(node, 4, channels, 1);
  if (llvm::failed(scale) || llvm::failed(bias) || llvm::failed(mean) || llvm::failed(variance))
    return failure();
  if (isTraining) {
    const ChannelStatistics own = statisticsOf(node, *x);
    (void)give(node, movedTo(node, *mean, own.mean, momentum), 1);
    (void)give(node, movedTo(node, *variance, own.variance, momentum), 2);
    mean = own.mean, variance = own.variance;
  }
  Value deviation = *map(node, MapFunction::SquareRoot,
                         *map(node, MapFunction::Add, {*variance, scalar(node, epsilon, elementTypeOf(*x))}));
  Value a = *map(node, MapFunction::Divide, {*scale, deviation});
  Value b = *map(node, MapFunction::Subtract, {*bias, *map(node, MapFunction::Multiply, {*mean, a})});
  Value product = *map(node, MapFunction::Multiply, {*x, alongChannels(node, a, *x)});
  return give(node, map(node, MapFunction::Add, {product, alongChannels(node, b, *x)}));
}

} // namespace phic::onnx::graph
