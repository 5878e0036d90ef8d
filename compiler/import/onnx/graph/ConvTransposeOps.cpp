//===- ConvTransposeOps.cpp - Imports ConvTranspose ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where windows lie side by side, each element of x makes a window of the result by itself: a contraction, whose columns
// are moved to their places. Other windows overlap: phiq.conv_transpose.
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

/// The weights of windows side by side as rows [columns, C]. Columns are [K..., M], but of what stays in the model's file
/// [M, K...], as it lies there.
struct SideBySide {
  Value rows;
  bool isInFile = false;
};

/// Constants [C, M, K...] as rows [K... M, C].
Value asRows(NodeImport &node, Value w) {
  const int64_t C = shapeOf(w)[0], columns = ShapedType::getNumElements(shapeOf(w).drop_front());
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(2, int64_t(shapeOf(w).size())));
  order.append({1, 0});
  return reshape(node, inOrder(node, w, order), {columns, C});
}

/// A parameter of codes [C, M, K...] as one of their rows: one number, or [K... M, 1]; null where it is not one for each m.
Value parameterOfRows(NodeImport &node, Value parameter, ArrayRef<int64_t> codes) {
  const int64_t count = ShapedType::getNumElements(shapeOf(parameter)), M = codes[1];
  if (count == 1)
    return reshape(node, parameter, {});
  SmallVector<int64_t> along(codes.size() - 1, 1);
  along[0] = M;
  if (shapeOf(parameter) != ArrayRef(along))
    return {};
  const int64_t columns = ShapedType::getNumElements(codes.drop_front());
  Value repeated = make<phiq::BroadcastOp>(node, typeOf(parameter, {columns / M, M}), reshape(node, parameter, {1, M}));
  return reshape(node, repeated, {columns, 1});
}

/// Whether x is codes that one scale dequantizes, so that a contraction can multiply them.
bool isDequantized(Value x) {
  auto map = x.getDefiningOp<phiq::MapOp>();
  return map && map.getFunction() == phiq::MapFunction::Dequantize &&
         llvm::all_of(map.getXs().drop_front(),
                      [](Value parameter) { return ShapedType::getNumElements(shapeOf(parameter)) == 1; });
}

/// The codes of the weights, dequantized by a map that is left for a pass to take out of the product; null where it cannot.
Value dequantizedRows(NodeImport &node, Value x, const DequantizedTensor &of) {
  Value scale = parameterOfRows(node, of.scale, of.codes.dims), zero = parameterOfRows(node, of.zero, of.codes.dims);
  if (!isDequantized(x) || !scale || !zero)
    return {};
  Value codes = asRows(node, tensorOf(node, Imported(of.codes)));
  return phiq::MapOp::create(node.builder, node.loc, typeOf(node.builder.getF32Type(), shapeOf(codes)),
                             phiq::MapFunction::Dequantize, ValueRange{codes, scale, zero});
}

FailureOr<SideBySide> sideBySideWeights(NodeImport &node, Value x) {
  if (const auto *of = node.get<DequantizedTensor>(1))
    if (Value rows = dequantizedRows(node, x, *of))
      return SideBySide{rows};
  FailureOr<Value> w = floatsOf(node, 1);
  if (llvm::failed(w))
    return failure();
  if (constantOf(*w))
    return SideBySide{asRows(node, *w)};
  FailureOr<TensorView> view = node.tensor(1, /*isFloat=*/true);
  if (llvm::failed(view))
    return failure();
  TensorView matrix = *view;
  matrix.dims = {view->dims[0], ShapedType::getNumElements(ArrayRef(view->dims).drop_front())};
  return SideBySide{node.weights.matrix(matrix, /*transpose=*/true), /*isInFile=*/true};
}

/// [N, M, S * K, ...] of a product [N, S..., columns].
Value sideBySide(NodeImport &node, Value x, const SideBySide &weights, int64_t M, const Turned &turned) {
  const DenseI64ArrayAttr none;
  Value lhs = channelsLast(node, x);
  SmallVector<int64_t> shape(shapeOf(lhs)), split(shape);
  shape.back() = shapeOf(weights.rows)[0];
  Value product = make<phiq::ContractOp>(node, typeOf(x, shape), lhs, weights.rows, Value(), Value(), none, none, none,
                                         none, UnitAttr());
  // [N, S..., K..., M] or [N, S..., M, K...] -> [N, S0, K0, S1, K1, ..., M]
  const auto axes = int64_t(turned.kernel.size());
  const int64_t firstK = 1 + axes + weights.isInFile, channels = weights.isInFile ? 1 + axes : 1 + 2 * axes;
  split.pop_back();
  llvm::append_range(split, turned.kernel);
  split.insert(split.begin() + channels, M);
  SmallVector<int64_t> order = {0}, whole = {shape[0]};
  for (int64_t i = 0; i < axes; ++i) {
    order.append({1 + i, firstK + i});
    whole.push_back(shape[size_t(1 + i)] * turned.kernel[size_t(i)]);
  }
  order.push_back(channels);
  whole.push_back(M);
  return channelsFirst(node, reshape(node, inOrder(node, reshape(node, product, split), order), whole));
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
  const auto *dequantized = node.get<DequantizedTensor>(1);
  const bool isStored = view || dequantized;
  FailureOr<Value> w = isStored ? FailureOr<Value>(Value()) : floatsOf(node, 1);
  if (llvm::failed(w))
    return failure();
  ArrayRef<int64_t> shape = shapeOf(*x), of = view          ? ArrayRef<int64_t>(view->dims)
                                              : dequantized ? ArrayRef<int64_t>(dequantized->codes.dims)
                                                            : shapeOf(*w);
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
  if (isStored && turned->isSideBySide() && reached == turned->size) {
    FailureOr<SideBySide> weights = sideBySideWeights(node, *x);
    return llvm::failed(weights) ? failure()
                                 : give(node, withBias(node, sideBySide(node, *x, *weights, of[1], *turned)));
  }
  if (isStored)
    w = floatsOf(node, 1);
  return llvm::failed(w) ? failure() : give(node, withBias(node, overlapping(node, *x, *w, *turned)));
}

} // namespace phic::onnx::graph
