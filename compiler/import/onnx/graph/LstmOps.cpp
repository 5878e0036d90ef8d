//===- LstmOps.cpp - Imports long short-term memories ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What inputs add to the gates is one contraction for all steps. One step alone is a second one and maps, so that it has the
// kernels of any matmul; more are phiq.lstm. Weights of DynamicQuantizeLSTM are codes, which what they multiply is quantized
// for when it is run: all of X, and the states before each step, by one scale.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/graph/QuantizedNode.h"
#include "compiler/import/onnx/graph/Slices.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

using phiq::MapFunction;

Value permuted(NodeImport &node, Value x, ArrayRef<int64_t> order) {
  Sizes shape = llvm::map_to_vector(order, [&](int64_t axis) { return shapeOf(x)[size_t(axis)]; });
  return make<phiq::PermuteOp>(node, typeOf(x, shape), x, order);
}
/// Elements [begin, begin + count) along `axis`.
Value part(NodeImport &node, Value x, size_t axis, int64_t begin, int64_t count) {
  SmallVector<AxisRange> ranges = wholeOf(x);
  ranges[axis] = {begin, 1, count};
  return slice(node, x, ranges);
}
Value mapped(NodeImport &node, MapFunction function, ValueRange xs) {
  FailureOr<Value> y = map(node, function, xs);
  assert(llvm::succeeded(y) && "of floats that broadcast");
  return *y;
}

/// A matrix of one direction as rows, and of codes their scales [rows] and zero point.
struct Matrix {
  Value rows, scales;
  int64_t zero = 0;
};

struct State {
  Value h, c; ///< [B, H]
};

/// What the steps of a direction give.
struct Direction {
  Value all; ///< [T, 1, B, H]
  State last; ///< [1, B, H]
};

class LstmImport {
public:
  explicit LstmImport(NodeImport &node) : node(node), f32(node.builder.getF32Type()) {}
  LogicalResult run();

private:
  bool isQuantized() const { return node.node.op == "DynamicQuantizeLSTM"; }
  LogicalResult readAttributes();
  LogicalResult readInput();
  LogicalResult readLengths();
  FailureOr<Value> optional(unsigned index, ArrayRef<int64_t> shape);
  FailureOr<Matrix> matrix(unsigned index, unsigned scaleIndex, int64_t direction, int64_t columns);
  LogicalResult readScales(Matrix &matrix, unsigned scaleIndex, int64_t direction, Type codes);
  Value product(Value x, const Matrix &matrix);
  FailureOr<Direction> direct(int64_t direction);
  State oneStep(Value gates, const Matrix &recurrence, State before, Value peepholes);
  Value clipped(Value x);
  LogicalResult giveAll(ArrayRef<Direction> outputs);

  NodeImport &node;
  Type f32;
  Value x; ///< [T, B, I]
  int64_t T = 0, B = 0, H = 0, directions = 1;
  bool isReverse = false, inputForget = false, batchFirst = false;
  float clip = 0;
};

LogicalResult LstmImport::readAttributes() {
  node.ignore({"output_sequence"}); // before operator set 7, which outputs there are
  const std::string direction = node.text("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional")
    return node.unsupportedAttribute("direction", "must be forward, reverse or bidirectional, found " + direction);
  isReverse = direction == "reverse";
  directions = direction == "bidirectional" ? 2 : 1;
  const std::vector<std::string> activations = node.texts("activations");
  constexpr StringRef kDefaults[] = {"sigmoid", "tanh", "tanh"};
  for (auto [i, name] : llvm::enumerate(activations))
    if (StringRef(name).lower() != kDefaults[i % 3])
      return node.unsupportedAttribute("activations", "must be Sigmoid, Tanh, Tanh, found " + name);
  for (StringRef name : {"activation_alpha", "activation_beta"})
    if (!node.reals(name).empty())
      return node.unsupportedAttribute(name, "is of no activation that is supported");
  clip = node.real("clip", 0);
  if (clip < 0)
    return node.unsupportedAttribute("clip", "must not be negative");
  inputForget = node.integer("input_forget", 0) != 0;
  batchFirst = node.integer("layout", 0) != 0;
  return success(!node.failed());
}

LogicalResult LstmImport::readInput() {
  FailureOr<Value> found = floatsOf(node, 0), recurrence = tensorOf(node, 2);
  if (llvm::failed(found) || llvm::failed(recurrence))
    return failure();
  if (shapeOf(*found).size() != 3 || llvm::is_contained(shapeOf(*found), 0))
    return node.unsupportedInput(0, "must be of rank 3, with elements");
  x = batchFirst ? permuted(node, *found, {1, 0, 2}) : *found;
  T = shapeOf(x)[0];
  B = shapeOf(x)[1];
  ArrayRef<int64_t> shape = shapeOf(*recurrence);
  if (shape.size() == 3)
    H = shape[isQuantized() ? 1 : 2];
  H = node.integer("hidden_size", H);
  return H > 0 && H <= INT32_MAX / 8 ? success() : node.unsupportedAttribute("hidden_size", "must be positive");
}

/// All sequences are as long as X.
LogicalResult LstmImport::readLengths() {
  if (!node.has(4))
    return success();
  FailureOr<std::vector<int64_t>> lengths = integersOf(node, 4);
  if (llvm::failed(lengths))
    return failure();
  return llvm::all_of(*lengths, [&](int64_t length) { return length == T; })
             ? success()
             : node.unsupportedInput(4, "(sequence_lens) must all be " + llvm::Twine(T));
}

/// An optional input of floats; null where it is absent.
FailureOr<Value> LstmImport::optional(unsigned index, ArrayRef<int64_t> shape) {
  if (!node.has(index))
    return Value();
  FailureOr<Value> found = floatsOf(node, index);
  if (llvm::succeeded(found) && shapeOf(*found) != shape)
    return node.unsupportedInput(index, "is not of the shape that X and hidden_size ask for");
  return found;
}

/// W or R of a direction as [4H, columns]. ONNX has floats so, and codes [columns, 4H].
FailureOr<Matrix> LstmImport::matrix(unsigned index, unsigned scaleIndex, int64_t direction, int64_t columns) {
  const Sizes rows = {directions, 4 * H, columns}, turned = {directions, columns, 4 * H};
  FailureOr<Value> found = tensorOf(node, index);
  if (llvm::failed(found))
    return failure();
  Type element = elementTypeOf(*found);
  if (shapeOf(*found) != ArrayRef(isQuantized() ? turned : rows) ||
      (isQuantized() ? !element.isInteger(8) : !element.isF32()))
    return node.unsupportedInput(index, "is not of the type and shape that X and hidden_size ask for");
  Matrix result;
  if (const TensorView *view = storedTensor(node, index)) {
    if (!isQuantized())
      result.rows = node.weights.rows({view->tensor, {directions * 4 * H, columns}}, direction * 4 * H, 4 * H);
    else if (directions == 1)
      result.rows = node.weights.matrix({view->tensor, {columns, 4 * H}}, /*transpose=*/true);
  }
  if (!result.rows) {
    Value one = part(node, *found, 0, direction, 1);
    result.rows = isQuantized() ? permuted(node, reshape(node, one, {columns, 4 * H}), {1, 0})
                                : reshape(node, one, {4 * H, columns});
  }
  if (!isQuantized())
    return result;
  if (llvm::failed(readScales(result, scaleIndex, direction, element)))
    return failure();
  return result;
}

/// One scale or one a row, [directions] or [directions, 4H], and zero points that are all equal.
LogicalResult LstmImport::readScales(Matrix &matrix, unsigned scaleIndex, int64_t direction, Type codes) {
  FailureOr<Value> scale = floatsOf(node, scaleIndex), zero = tensorOf(node, scaleIndex + 1);
  if (llvm::failed(scale) || llvm::failed(zero))
    return failure();
  const Sizes tensor = {directions}, rows = {directions, 4 * H};
  if (shapeOf(*scale) != ArrayRef(tensor) && shapeOf(*scale) != ArrayRef(rows))
    return node.unsupportedInput(scaleIndex, "must have one scale, or one for each gate's element, a direction");
  Value one = part(node, *scale, 0, direction, 1);
  const int64_t count = cast<ShapedType>(one.getType()).getNumElements();
  one = reshape(node, one, {count});
  matrix.scales = count == 4 * H ? one : make<phiq::BroadcastOp>(node, typeOf(f32, {4 * H}), one);
  phiq::ConstantOp known = constantOf(*zero);
  const Rows numbers = known ? numbersOf(known.getValue()) : Rows();
  if (!known || elementTypeOf(*zero) != codes || !llvm::all_equal(numbers.integers) || numbers.integers.empty())
    return node.unsupportedInput(scaleIndex + 1, "must be known when compiling, all equal and of the weights' type");
  matrix.zero = numbers.integers.front();
  return success();
}

/// x [M, columns] times the matrix's rows.
Value LstmImport::product(Value x, const Matrix &matrix) {
  const Sizes shape = {shapeOf(x)[0], 4 * H};
  const DenseI64ArrayAttr none;
  auto contract = [&](Type element, Value lhs, Value xZero, Value wZero) {
    return make<phiq::ContractOp>(node, typeOf(element, shape), lhs, matrix.rows, xZero, wZero, none, none, none, none,
                                  UnitAttr());
  };
  if (!matrix.scales)
    return contract(f32, x, {}, {});
  const DynamicCodes codes = dynamicCodes(node, x);
  Value zero = scalar(node, double(matrix.zero), elementTypeOf(matrix.rows));
  Value sums = contract(node.builder.getI32Type(), codes.codes, codes.zero, zero);
  Value scale = mapped(node, MapFunction::Multiply, {codes.scale, matrix.scales});
  return *map(node, MapFunction::Dequantize, {sums, scale, scalar(node, 0, elementTypeOf(sums))}, f32);
}

Value LstmImport::clipped(Value x) {
  if (clip == 0)
    return x;
  x = mapped(node, MapFunction::Maximum, {x, scalar(node, -clip, f32)});
  return mapped(node, MapFunction::Minimum, {x, scalar(node, clip, f32)});
}

/// phiq.lstm's formulas, of one step.
State LstmImport::oneStep(Value gates, const Matrix &recurrence, State before, Value peepholes) {
  gates = mapped(node, MapFunction::Add, {gates, product(before.h, recurrence)});
  auto gate = [&](int64_t number, Value c) {
    Value g = part(node, gates, 1, number * H, H);
    if (c && peepholes) {
      Value times = mapped(node, MapFunction::Multiply, {c, part(node, peepholes, 0, number * H, H)});
      g = mapped(node, MapFunction::Add, {g, times});
    }
    return clipped(g);
  };
  auto sigmoid = [&](Value g) { return mapped(node, MapFunction::Sigmoid, g); };
  Value in = sigmoid(gate(0, before.c));
  Value forget =
      inputForget ? mapped(node, MapFunction::Subtract, {scalar(node, 1, f32), in}) : sigmoid(gate(2, before.c));
  Value kept = mapped(node, MapFunction::Multiply, {forget, before.c});
  Value added = mapped(node, MapFunction::Multiply, {in, mapped(node, MapFunction::Tanh, gate(3, {}))});
  Value c = mapped(node, MapFunction::Add, {kept, added});
  Value out = sigmoid(gate(1, c));
  return {mapped(node, MapFunction::Multiply, {out, mapped(node, MapFunction::Tanh, clipped(c))}), c};
}

FailureOr<Direction> LstmImport::direct(int64_t d) {
  const int64_t I = shapeOf(x)[2];
  FailureOr<Matrix> w = matrix(1, 8, d, I), r = matrix(2, 10, d, H);
  const Sizes states = batchFirst ? Sizes{B, directions, H} : Sizes{directions, B, H};
  FailureOr<Value> bias = optional(3, {directions, 8 * H}), h = optional(5, states), c = optional(6, states),
                   peepholes = optional(7, {directions, 3 * H});
  if (llvm::failed(w) || llvm::failed(r) || llvm::failed(bias) || llvm::failed(h) || llvm::failed(c) ||
      llvm::failed(peepholes))
    return failure();
  auto stateOf = [&](Value given) {
    Value one = given ? part(node, given, batchFirst ? 1 : 0, d, 1)
                      : constant(node, roomFor(typeOf(f32, {B, H})), typeOf(f32, {B, H}));
    return reshape(node, one, {B, H});
  };
  const State before{stateOf(*h), stateOf(*c)};
  Value gates = product(reshape(node, x, {T * B, I}), *w);
  if (*bias) {
    Value both = reshape(node, part(node, *bias, 0, d, 1), {2, 4 * H});
    auto half = [&](int64_t i) { return reshape(node, part(node, both, 0, i, 1), {4 * H}); };
    gates = mapped(node, MapFunction::Add, {gates, mapped(node, MapFunction::Add, {half(0), half(1)})});
  }
  Value peep = *peepholes ? reshape(node, part(node, *peepholes, 0, d, 1), {3 * H}) : Value();
  if (T == 1) {
    const State after = oneStep(gates, *r, before, peep);
    State last{reshape(node, after.h, {1, B, H}), reshape(node, after.c, {1, B, H})};
    return Direction{reshape(node, after.h, {1, 1, B, H}), last};
  }
  const bool reverse = isReverse || d == 1;
  Value steps = make<phiq::LstmOp>(node, typeOf(f32, {T, 2, B, H}), reshape(node, gates, {T, B, 4 * H}), r->rows,
                                   before.h, before.c, peep, r->scales, r->zero,
                                   clip > 0 ? node.builder.getF32FloatAttr(clip) : FloatAttr(), inputForget, reverse);
  Value last = part(node, steps, 0, reverse ? 0 : T - 1, 1);
  auto stateAt = [&](int64_t i) { return reshape(node, part(node, last, 1, i, 1), {1, B, H}); };
  return Direction{part(node, steps, 1, 0, 1), {stateAt(0), stateAt(1)}};
}

/// Directions side by side, in the layout's order.
LogicalResult LstmImport::giveAll(ArrayRef<Direction> outputs) {
  auto together = [&](llvm::function_ref<Value(const Direction &)> which, int64_t axis) {
    return *concatenated(node, llvm::map_to_vector(outputs, which), axis);
  };
  Value all = together([](const Direction &o) { return o.all; }, 1);
  Value h = together([](const Direction &o) { return o.last.h; }, 0);
  Value c = together([](const Direction &o) { return o.last.c; }, 0);
  (void)give(node, batchFirst ? permuted(node, all, {2, 0, 1, 3}) : all, 0);
  (void)give(node, batchFirst ? permuted(node, h, {1, 0, 2}) : h, 1);
  return give(node, batchFirst ? permuted(node, c, {1, 0, 2}) : c, 2);
}

LogicalResult LstmImport::run() {
  if (llvm::failed(readAttributes()) || llvm::failed(readInput()) || llvm::failed(readLengths()))
    return failure();
  SmallVector<Direction> outputs;
  for (int64_t direction = 0; direction < directions; ++direction) {
    FailureOr<Direction> one = direct(direction);
    if (llvm::failed(one))
      return failure();
    outputs.push_back(*one);
  }
  return giveAll(outputs);
}

} // namespace

/// LSTM, and DynamicQuantizeLSTM of com.microsoft.
LogicalResult importLstm(NodeImport &node) { return LstmImport(node).run(); }

} // namespace phic::onnx::graph
