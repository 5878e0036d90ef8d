//===- ConvOps.cpp - Imports convolutions ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     Conv(x [N, C, H, W], w [O, C, KH, KW], b [O])  ->  %1 = phiq.permute %x [0, 2, 3, 1]
//                                                        %2 = phiq.contract %1, %w [O, KH, KW, C] {kernel ...}
//                                                        %3 = phiq.map add %2, %b
//                                                        %4 = phiq.permute %3 [0, 3, 1, 2]
//
// Of as many groups as channels it is a phiq.depthwise, of other groups a phiq.contract for each, of slices of x, one behind the
// other. One dimension is two, the first of size 1. Kernels are read from the model's file in the order of a row.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/graph/Contractions.h"
#include "compiler/import/onnx/graph/Slices.h"
#include "compiler/import/onnx/graph/WindowNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

using phiq::MapFunction;
/// A convolution's inputs, and how its window moves; of two dimensions.
struct Convolution {
  Value x; ///< [N, H, W, C]
  SmallVector<Factor> w; ///< of each group [O, KH, KW, C]; one [KH, KW, O] where channels are groups
  Sizes kernel, strides, dilations, pads, result; ///< result: [N, OH, OW, O]
  bool isLine = false; ///< of one dimension in ONNX
  int64_t groups = 1;
  bool isDepthwise = false; ///< each channel is a group

  Type weightType() const { return elementTypeOf(w.front().value); }
  bool hasWindow() const {
    auto isOne = [](int64_t size) { return size == 1; };
    return !llvm::all_of(kernel, isOne) || !llvm::all_of(strides, isOne) ||
           llvm::any_of(pads, [](int64_t pad) { return pad > 0; });
  }
};

/// An axis of size 1 before the one there is.
void makePlane(Convolution &c) {
  for (Sizes *list : {&c.kernel, &c.strides, &c.dilations, &c.result})
    list->insert(list->begin(), 1);
  c.pads = {0, c.pads[0], 0, c.pads[1]};
}

/// x, channels last, with each channel so many times.
Value repeated(NodeImport &node, Value x, int64_t times) {
  if (times == 1)
    return x;
  Sizes channels, shape(shapeOf(x));
  for (int64_t i = 0; i < shape.back() * times; ++i)
    channels.push_back(i / times);
  shape.back() *= times;
  return make<phiq::GatherOp>(node, typeOf(x, shape), x, integerVector(node, channels), int64_t(shape.size()) - 1);
}

FailureOr<Convolution> read(NodeImport &node, unsigned xIndex, unsigned wIndex) {
  FailureOr<Value> x = tensorOf(node, xIndex);
  if (llvm::failed(x))
    return failure();
  Convolution c;
  Sizes shape(shapeOf(*x));
  c.groups = node.integer("group", 1);
  c.isLine = shape.size() == 3;
  if (shape.size() != 3 && shape.size() != 4)
    return node.unsupportedInput(xIndex, "must be of rank 3 or 4, found " + llvm::Twine(shape.size()));
  if (c.groups < 1 || shape[1] % c.groups)
    return node.unsupportedAttribute("group", "must divide the number of channels, " + llvm::Twine(shape[1]) +
                                                  ", found " + llvm::Twine(c.groups));
  c.isDepthwise = c.groups > 1 && c.groups == shape[1];
  auto w = c.isDepthwise ? channelKernelOf(node, wIndex, c.groups) : kernelsOf(node, wIndex, c.groups);
  if (llvm::failed(w))
    return failure();
  c.w = *w;
  const Sizes &kernel = c.w.front().shape;
  if (kernel.size() != shape.size() || kernel.back() * c.groups != shape[1])
    return node.unsupportedInput(wIndex, "must be a kernel of " + llvm::Twine(shape[1]) + " channels");
  FailureOr<NodeWindows> windows = windowsOfNode(
      node, ArrayRef(shape).drop_front(2), ArrayRef(kernel).drop_front().drop_back(), /*ceil=*/false, !c.isDepthwise);
  if (llvm::failed(windows))
    return failure();
  c.kernel = windows->kernel, c.strides = windows->strides, c.dilations = windows->dilations;
  c.pads = windows->pads, c.result = windows->count;
  if (c.isLine) {
    makePlane(c);
    shape.insert(shape.begin() + 2, 1);
    x = reshape(node, *x, shape);
  }
  c.result.insert(c.result.begin(), shape[0]);
  c.result.push_back(kernel.front() * int64_t(c.w.size()));
  c.x = channelsLast(node, *x);
  return c;
}

/// Group `group` of what lies along the last axis; what is one number stays.
Value ofGroup(NodeImport &node, Value x, int64_t group, int64_t groups) {
  if (!x || shapeOf(x).empty())
    return x;
  SmallVector<AxisRange> ranges = wholeOf(x);
  ranges.back().count /= groups;
  ranges.back().start = group * ranges.back().count;
  return slice(node, x, ranges);
}

Value multiply(NodeImport &node, const Convolution &c, Type element, Value xZero, Value wZero) {
  if (c.isDepthwise)
    return make<phiq::DepthwiseOp>(node, typeOf(element, c.result), repeated(node, c.x, c.result.back() / c.groups),
                                   c.w.front().value, xZero, wZero, c.strides, c.pads, c.dilations);
  auto list = [&](ArrayRef<int64_t> numbers) {
    return c.hasWindow() ? node.builder.getDenseI64ArrayAttr(numbers) : DenseI64ArrayAttr();
  };
  Sizes shape = c.result;
  shape.back() /= c.groups;
  SmallVector<Value> results;
  for (auto [group, w] : llvm::enumerate(c.w)) {
    Value x = ofGroup(node, c.x, int64_t(group), c.groups), zero = ofGroup(node, wZero, int64_t(group), c.groups);
    results.push_back(make<phiq::ContractOp>(node, typeOf(element, shape), x, w.value, xZero, zero, list(c.kernel),
                                             list(c.strides), list(c.pads), list(c.dilations)));
  }
  return results.size() == 1 ? results.front() : *concatenated(node, results, int64_t(shape.size()) - 1);
}

/// Channels where ONNX has them.
LogicalResult giveChannelsFirst(NodeImport &node, const Convolution &c, Value y) {
  Value result = channelsFirst(node, y);
  if (c.isLine)
    result = reshape(node, result, {c.result[0], c.result[3], c.result[2]});
  return give(node, result);
}

/// y + bias, or y without one.
FailureOr<Value> biased(NodeImport &node, unsigned index, Value y) {
  if (!node.has(index))
    return y;
  FailureOr<Value> bias = tensorOf(node, index);
  if (llvm::failed(bias))
    return failure();
  if (shapeOf(*bias).size() != 1 || shapeOf(*bias)[0] != shapeOf(y).back() || elementTypeOf(*bias) != elementTypeOf(y))
    return node.unsupportedInput(index, "must be a number for each of " + llvm::Twine(shapeOf(y).back()) + " channels");
  return map(node, MapFunction::Add, {y, *bias});
}

} // namespace

LogicalResult importConv(NodeImport &node) {
  FailureOr<Convolution> c = read(node, 0, 1);
  if (llvm::failed(c))
    return failure();
  if (!elementTypeOf(c->x).isF32() || !c->weightType().isF32())
    return node.unsupported("its inputs must be floats");
  FailureOr<Value> y = biased(node, 2, multiply(node, *c, node.builder.getF32Type(), {}, {}));
  return llvm::failed(y) ? failure() : giveChannelsFirst(node, *c, *y);
}

LogicalResult importConvInteger(NodeImport &node) {
  FailureOr<Convolution> c = read(node, 0, 1);
  if (llvm::failed(c))
    return failure();
  FailureOr<Value> xZero = zeroPointOf(node, 2, c->x, 1),
                   wZero = zeroPointOf(node, 3, c->w.front().value, c->result[3]);
  if (llvm::failed(xZero) || llvm::failed(wZero))
    return failure();
  return giveChannelsFirst(node, *c, multiply(node, *c, node.builder.getI32Type(), *xZero, *wZero));
}

LogicalResult importQLinearConv(NodeImport &node) {
  FailureOr<Convolution> c = read(node, 0, 3);
  if (llvm::failed(c))
    return failure();
  FailureOr<Value> xZero = zeroPointOf(node, 2, c->x, 1),
                   wZero = zeroPointOf(node, 5, c->w.front().value, c->result[3]);
  if (llvm::failed(xZero) || llvm::failed(wZero))
    return failure();
  FailureOr<Value> sums = biased(node, 8, multiply(node, *c, node.builder.getI32Type(), *xZero, *wZero));
  if (llvm::failed(sums))
    return failure();
  FailureOr<Value> codes = requantized(node, *sums, {1, 4, 6, 7});
  return llvm::failed(codes) ? failure() : giveChannelsFirst(node, *c, *codes);
}

} // namespace phic::onnx::graph
