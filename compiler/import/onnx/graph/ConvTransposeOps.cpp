//===- ConvTransposeOps.cpp - Imports ConvTranspose ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where windows lie side by side, each element of x makes a window of the result by itself: a matmul, whose columns are
// moved to their places. Other windows overlap: phiq.conv_transpose.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/graph/WindowNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

/// What the attributes say; sizes along the spatial axes.
struct Turned {
  SmallVector<int64_t> kernel, strides, dilations, before, size;
  int64_t groups = 1;

  bool isSideBySide() const {
    auto are = [](ArrayRef<int64_t> numbers, int64_t value) {
      return llvm::all_of(numbers, [&](int64_t number) { return number == value; });
    };
    return groups == 1 && kernel == strides && are(dilations, 1) && are(before, 0);
  }
};

/// Pads of an axis whose result has `total` fewer elements than all windows reach.
int64_t padBefore(StringRef autoPad, int64_t total) {
  total = std::max<int64_t>(0, total);
  return autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
}

FailureOr<Turned> turnedOf(NodeImport &node, ArrayRef<int64_t> x, ArrayRef<int64_t> w) {
  const size_t axes = x.size() - 2;
  const std::string autoPad = node.text("auto_pad", "NOTSET");
  auto kernel = integersFrom(node, "kernel_shape", axes, 0), strides = integersFrom(node, "strides", axes, 1);
  auto dilations = integersFrom(node, "dilations", axes, 1), pads = integersFrom(node, "pads", 2 * axes, 0, 0);
  auto more = integersFrom(node, "output_padding", axes, 0, 0);
  SmallVector<int64_t> size = llvm::to_vector(node.integers("output_shape"));
  if (llvm::failed(kernel) || llvm::failed(strides) || llvm::failed(dilations) || llvm::failed(pads) ||
      llvm::failed(more))
    return failure();
  if (size.size() == axes + 2) // with N and M
    size.erase(size.begin(), size.begin() + 2);
  if (!size.empty() && size.size() != axes)
    return node.unsupportedAttribute("output_shape", "must be " + llvm::Twine(axes) + " sizes");
  Turned turned = {SmallVector<int64_t>(w.drop_front(2)), *strides, *dilations, {}, size, node.integer("group", 1)};
  if (kernel->front() != 0 && *kernel != turned.kernel)
    return node.unsupportedAttribute("kernel_shape", "must be that of the weights");
  const bool isSame = StringRef(autoPad).starts_with("SAME_");
  for (size_t i = 0; i < axes; ++i) {
    const int64_t stride = (*strides)[i], window = (turned.kernel[i] - 1) * (*dilations)[i] + 1;
    const int64_t reach = stride * (x[2 + i] - 1) + (*more)[i] + window;
    if (size.empty())
      turned.size.push_back(isSame               ? x[2 + i] * stride
                            : autoPad == "VALID" ? reach
                                                 : reach - (*pads)[i] - (*pads)[axes + i]);
    const bool isGiven = size.empty() && !isSame;
    turned.before.push_back(isGiven ? (autoPad == "VALID" ? 0 : (*pads)[i])
                                    : padBefore(autoPad, reach - turned.size[i]));
    if (turned.size[i] < 0 || turned.size[i] > INT32_MAX)
      return node.unsupported("its result has the size " + llvm::Twine(turned.size[i]) + " along axis " +
                              llvm::Twine(2 + i));
  }
  return turned;
}

/// [N, M, S * K, ...] of a matmul's [N S, M K].
Value sideBySide(NodeImport &node, Value x, const TensorView &w, const Turned &turned) {
  ArrayRef<int64_t> shape = shapeOf(x);
  const size_t axes = shape.size() - 2;
  const int64_t C = shape[1], M = w.dims[1], columns = M * ShapedType::getNumElements(turned.kernel);
  const int64_t rows = shape[0] * ShapedType::getNumElements(shape.drop_front(2));
  TensorView matrix = w;
  matrix.dims.assign({C, columns});
  Value lhs = make<phiq::ReshapeOp>(node, typeOf(x, {rows, C}), channelsLast(node, x));
  Value product = phiq::MatmulOp::create(node.builder, node.loc, typeOf(x, {rows, columns}), lhs,
                                         node.weights.matrix(matrix, /*transpose=*/true), phiq::ComputeModeAttr());
  // [N, S..., M, K...] -> [N, M, S0, K0, S1, K1, ...]
  SmallVector<int64_t> split = {shape[0]}, order = {0, int64_t(1 + axes)};
  llvm::append_range(split, shape.drop_front(2));
  split.push_back(M);
  llvm::append_range(split, turned.kernel);
  for (size_t i = 0; i < axes; ++i)
    order.append({int64_t(1 + i), int64_t(2 + axes + i)});
  Value moved = inOrder(node, make<phiq::ReshapeOp>(node, typeOf(x, split), product), order);
  SmallVector<int64_t> whole = {shape[0], M};
  for (size_t i = 0; i < axes; ++i)
    whole.push_back(shape[2 + i] * turned.kernel[i]);
  return make<phiq::ReshapeOp>(node, typeOf(x, whole), moved);
}

Value overlapping(NodeImport &node, Value x, Value w, const Turned &turned) {
  SmallVector<int64_t> shape = {shapeOf(x)[0]}, order;
  llvm::append_range(shape, turned.size);
  shape.push_back(shapeOf(w)[1] * turned.groups);
  for (size_t axis = 2; axis < shapeOf(w).size(); ++axis)
    order.push_back(int64_t(axis));
  order.append({0, 1});
  return channelsFirst(node, make<phiq::ConvTransposeOp>(node, typeOf(x, shape), channelsLast(node, x),
                                                         inOrder(node, w, order), turned.strides, turned.before,
                                                         turned.dilations, turned.groups));
}

/// The bias, one number a channel, added.
FailureOr<Value> withBias(NodeImport &node, Value result) {
  if (!node.has(2))
    return result;
  FailureOr<Value> bias = floatsOf(node, 2);
  if (llvm::failed(bias))
    return failure();
  SmallVector<int64_t> along(shapeOf(result).size() - 1, 1);
  along[0] = shapeOf(result)[1];
  if (shapeOf(*bias) != ArrayRef(along).take_front())
    return node.unsupportedInput(2, "must be a number for each of " + llvm::Twine(along[0]) + " channels");
  return map(node, phiq::MapFunction::Add, {result, make<phiq::ReshapeOp>(node, typeOf(result, along), *bias)});
}

} // namespace

LogicalResult importConvTranspose(NodeImport &node) {
  FailureOr<Value> x = floatsOf(node, 0);
  if (llvm::failed(x))
    return failure();
  const auto *view = node.get<TensorView>(1);
  FailureOr<Value> w = view ? FailureOr<Value>(Value()) : floatsOf(node, 1);
  if (llvm::failed(w))
    return failure();
  ArrayRef<int64_t> shape = shapeOf(*x), of = view ? ArrayRef<int64_t>(view->dims) : shapeOf(*w);
  const int64_t groups = node.integer("group", 1);
  if (shape.size() < 3 || shape.size() > 5)
    return node.unsupportedInput(0, "must be of rank 3 to 5, found " + llvm::Twine(shape.size()));
  if (of.size() != shape.size() || of[0] != shape[1] || llvm::is_contained(of, 0))
    return node.unsupportedInput(1, "must be weights [" + llvm::Twine(shape[1]) + ", M / group, K...]");
  if (groups < 1 || of[0] % groups)
    return node.unsupportedAttribute("group", "must divide the " + llvm::Twine(of[0]) + " channels");
  FailureOr<Turned> turned = turnedOf(node, shape, of);
  if (llvm::failed(turned))
    return failure();
  SmallVector<int64_t> reached;
  for (size_t i = 0; i < turned->size.size(); ++i)
    reached.push_back(shape[2 + i] * turned->strides[i]);
  if (view && turned->isSideBySide() && reached == turned->size) {
    FailureOr<TensorView> weights = node.tensor(1, /*isFloat=*/true);
    return llvm::failed(weights) ? failure() : give(node, withBias(node, sideBySide(node, *x, *weights, *turned)));
  }
  if (view)
    w = floatsOf(node, 1);
  return llvm::failed(w) ? failure() : give(node, withBias(node, overlapping(node, *x, *w, *turned)));
}

} // namespace phic::onnx::graph
