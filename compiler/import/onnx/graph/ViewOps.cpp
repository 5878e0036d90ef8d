//===- ViewOps.cpp - Imports ops on shapes ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops that change a tensor's shape, or compute with shapes: all of the latter are constants.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/graph/Slices.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;

namespace phic::onnx::graph {
namespace {

/// More elements than any tensor made of a shape alone is meant to have.
constexpr int64_t kMostMade = int64_t(1) << 26;

/// A Reshape's shape with 0 (keep) and -1 (the rest) replaced.
FailureOr<SmallVector<int64_t>> resolved(NodeImport &node, Value x, ArrayRef<int64_t> to, bool zeroIsZero) {
  ArrayRef<int64_t> from = shapeOf(x);
  const int64_t elements = ShapedType::getNumElements(from);
  SmallVector<int64_t> shape(to);
  int64_t known = 1, *open = nullptr;
  for (auto [axis, size] : llvm::enumerate(shape)) {
    if (size == 0 && !zeroIsZero && axis < from.size())
      size = from[axis];
    if (size == -1 && !open)
      open = &size;
    else if (size < 0 || llvm::MulOverflow(known, size, known))
      return node.unsupportedInput(1, "(shape) has the size " + llvm::Twine(size) + " along axis " + llvm::Twine(axis));
  }
  if (open)
    *open = known ? elements / known : 0;
  if (ShapedType::getNumElements(shape) != elements)
    return node.unsupportedInput(1, "(shape) does not hold the " + llvm::Twine(elements) + " elements of input 0");
  return shape;
}

/// Axes that an input, before operator set 13 an attribute, lists; empty where there is neither.
FailureOr<std::vector<int64_t>> axesOf(NodeImport &node) {
  if (node.has(1))
    return integersOf(node, 1);
  return node.integers("axes");
}

/// A tensor whose every element is that of `value`, which may be absent (f32 0).
Value filled(NodeImport &node, ArrayRef<int64_t> shape, const Rows *value, Type element) {
  auto type = typeOf(element, shape);
  Rows numbers = roomFor(type);
  for (int64_t i = 0; value && i < numbers.size(); ++i)
    numbers.take(i, *value, 0);
  return constant(node, numbers, type);
}

} // namespace

/// The value as it is, constant or not.
LogicalResult importIdentity(NodeImport &node) {
  node.result(0, node.input(0));
  return success();
}

/// When inferring it does nothing; the mask is all true.
LogicalResult importDropout(NodeImport &node) {
  node.ignore({"ratio", "seed"});
  for (unsigned index : {1, 2}) // the ratio, and whether it is training
    if (node.has(index) && llvm::failed(tensorOf(node, index)))
      return failure();
  FailureOr<Value> x = tensorOf(node, 0);
  if (llvm::failed(x))
    return failure();
  if (node.has(2)) {
    FailureOr<std::vector<int64_t>> training = integersOf(node, 2);
    if (llvm::failed(training) || training->size() != 1 || training->front())
      return node.unsupportedInput(2, "(training_mode) must be false");
  }
  if (node.hasResult(1)) {
    Rows yes = roomFor(typeOf(node.builder.getI1Type(), {}));
    yes.integers[0] = 1;
    (void)give(node, filled(node, shapeOf(*x), &yes, node.builder.getI1Type()), 1);
  }
  return give(node, *x);
}

/// Integers in an attribute are a tensor as all else is.
LogicalResult importConstant(NodeImport &node) {
  if (const Attribute *one = node.attribute("value_int"); one && one->kind == Attribute::Kind::Integer)
    return give(node, reshape(node, integerVector(node, one->integer), {}));
  if (const Attribute *list = node.attribute("value_ints"); list && list->kind == Attribute::Kind::Integers)
    return give(node, integerVector(node, list->integers));
  return onnx::importConstant(node);
}

LogicalResult importConstantOfShape(NodeImport &node) {
  FailureOr<std::vector<int64_t>> shape = integersOf(node, 0);
  if (llvm::failed(shape))
    return failure();
  if (llvm::failed(requireRoom(node, *shape, kMostMade)))
    return failure();
  const Attribute *value = node.attribute("value");
  if (!value || !value->tensor)
    return give(node, filled(node, *shape, nullptr, node.builder.getF32Type()));
  Type element = elementOf(node.builder, value->tensor->type);
  std::optional<std::vector<double>> numbers = node.importer.model.numbers(*value->tensor);
  if (!element || !numbers || numbers->size() != 1)
    return node.unsupportedAttribute("value", "must be one number of a type that graphs compute with");
  Rows one = numbersOf(constantOf(scalar(node, numbers->front(), element)).getValue());
  return give(node, filled(node, *shape, &one, element));
}

/// start, start + delta, ... below the limit.
LogicalResult importRange(NodeImport &node) {
  FailureOr<Value> start = tensorOf(node, 0), limit = tensorOf(node, 1), delta = tensorOf(node, 2);
  if (llvm::failed(start) || llvm::failed(limit) || llvm::failed(delta))
    return failure();
  Rows numbers[3];
  const Value values[] = {*start, *limit, *delta};
  for (auto [index, value] : llvm::enumerate(values)) {
    phiq::ConstantOp known = constantOf(value);
    if (!known || cast<ShapedType>(value.getType()).getNumElements() != 1 ||
        elementTypeOf(value) != elementTypeOf(*start))
      return node.unsupportedInput(unsigned(index), "must be a number that is known when compiling, of one type" +
                                                        howToKnow(node, unsigned(index), value));
    numbers[index] = numbersOf(known.getValue());
  }
  const double from = numbers[0].number(0), step = numbers[2].number(0);
  const double count = step == 0 ? -1 : std::ceil((numbers[1].number(0) - from) / step);
  if (!(step != 0) || count > double(kMostMade))
    return node.unsupported("it has no end, or more than " + llvm::Twine(kMostMade) + " elements");
  auto type = typeOf(*start, {int64_t(std::max(count, 0.0))});
  Rows result = roomFor(type);
  for (int64_t i = 0; i < result.size(); ++i) {
    if (result.integers.empty())
      result.values[size_t(i)] = float(from + double(i) * step);
    else
      result.integers[size_t(i)] = int64_t(from + double(i) * step);
  }
  return give(node, constant(node, result, type));
}

LogicalResult importShape(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  if (llvm::failed(x))
    return failure();
  const auto rank = int64_t(shapeOf(*x).size());
  auto bounded = [&](int64_t axis) { return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank); };
  const int64_t start = bounded(node.integer("start", 0)), end = bounded(node.integer("end", rank));
  return give(node, integerVector(node, shapeOf(*x).slice(size_t(start), size_t(std::max<int64_t>(end - start, 0)))));
}

LogicalResult importSize(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  return llvm::failed(x)
             ? failure()
             : give(node, scalar(node, double(ShapedType::getNumElements(shapeOf(*x))), node.builder.getI64Type()));
}

LogicalResult importReshape(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  FailureOr<std::vector<int64_t>> to = integersOf(node, 1);
  const bool zeroIsZero = node.integer("allowzero", 0);
  if (llvm::failed(x) || llvm::failed(to))
    return failure();
  FailureOr<SmallVector<int64_t>> shape = resolved(node, *x, *to, zeroIsZero);
  return llvm::failed(shape) ? failure() : give(node, reshape(node, *x, *shape));
}

LogicalResult importFlatten(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  if (llvm::failed(x))
    return failure();
  ArrayRef<int64_t> shape = shapeOf(*x);
  const auto rank = int64_t(shape.size());
  int64_t axis = node.integer("axis", 1);
  if (axis < -rank || axis > rank)
    return node.unsupportedAttribute("axis", "must be " + llvm::Twine(-rank) + " to " + llvm::Twine(rank) + ", found " +
                                                 llvm::Twine(axis));
  axis = axis < 0 ? axis + rank : axis;
  return give(node, reshape(node, *x,
                            {ShapedType::getNumElements(shape.take_front(size_t(axis))),
                             ShapedType::getNumElements(shape.drop_front(size_t(axis)))}));
}

LogicalResult importSqueeze(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  FailureOr<std::vector<int64_t>> axes = axesOf(node);
  if (llvm::failed(x) || llvm::failed(axes))
    return failure();
  ArrayRef<int64_t> from = shapeOf(*x);
  llvm::SmallDenseSet<int64_t> dropped;
  for (int64_t given : *axes) {
    FailureOr<int64_t> axis = axisOf(node, given, int64_t(from.size()));
    if (llvm::failed(axis))
      return failure();
    if (from[size_t(*axis)] != 1)
      return node.unsupported("axis " + llvm::Twine(*axis) + " is of size " + llvm::Twine(from[size_t(*axis)]) +
                              ", not 1");
    dropped.insert(*axis);
  }
  SmallVector<int64_t> shape;
  for (auto [axis, size] : llvm::enumerate(from))
    if (axes->empty() ? size != 1 : !dropped.contains(int64_t(axis)))
      shape.push_back(size);
  return give(node, reshape(node, *x, shape));
}

LogicalResult importUnsqueeze(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  FailureOr<std::vector<int64_t>> axes = axesOf(node);
  if (llvm::failed(x) || llvm::failed(axes))
    return failure();
  const auto rank = int64_t(shapeOf(*x).size() + axes->size());
  SmallVector<int64_t> shape(size_t(rank), 0);
  for (int64_t given : *axes) {
    FailureOr<int64_t> axis = axisOf(node, given, rank);
    if (llvm::failed(axis))
      return failure();
    if (shape[size_t(*axis)] == 1)
      return node.unsupported("its axes name " + llvm::Twine(*axis) + " twice");
    shape[size_t(*axis)] = 1;
  }
  const int64_t *next = shapeOf(*x).begin();
  for (int64_t &size : shape)
    size = size == 1 ? 1 : *next++;
  return give(node, reshape(node, *x, shape));
}

} // namespace phic::onnx::graph
