//===- GraphNode.cpp - A node of a graph on static shapes ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/graph/GraphNode.h"
#include "dialects/phiq/MapFunctions.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

/// Floats and 8-bit integers of more elements stay in the model's file, which a handle points into.
constexpr int64_t kMostConstantElements = int64_t(1) << 16;
/// What an op makes of constants is one as well up to so many bytes: more is computed when it is run, since every phase would
/// carry it, and a program, beside what it is made of.
constexpr int64_t kMostFoldedBytes = int64_t(1) << 20;

/// An initializer as an op. Null where its type is none that graphs compute with.
Value initializer(NodeImport &node, const TensorView &view) {
  const Tensor &tensor = *view.tensor;
  Type element = elementOf(node.builder, tensor.type);
  if (!element)
    return {};
  auto type = RankedTensorType::get(view.dims, element);
  if ((element.isF32() || element.isInteger(8)) && tensor.bytes && type.getNumElements() > kMostConstantElements)
    return node.weights.whole(view);
  Rows numbers = roomFor(type);
  const Model &model = node.importer.model;
  if (element.isF32()) {
    std::optional<std::vector<double>> found = model.numbers(tensor);
    assert(found && "it has a type that grids have");
    llvm::transform(*found, numbers.values.begin(), [](double number) { return float(number); });
  } else {
    std::optional<std::vector<int64_t>> found = model.integers(tensor);
    assert(found && "it has a type that grids have");
    numbers.integers = std::move(*found);
  }
  return constant(node, numbers, type);
}

} // namespace

Type elementOf(Builder &builder, ElementType type) {
  switch (type) {
  case ElementType::F32:
    return builder.getF32Type();
  case ElementType::Bool:
    return builder.getI1Type();
  case ElementType::U8:
    return builder.getIntegerType(8, /*isSigned=*/false);
  case ElementType::I8:
    return builder.getI8Type();
  case ElementType::U4:
    return builder.getIntegerType(4, /*isSigned=*/false);
  case ElementType::I4:
    return builder.getIntegerType(4);
  case ElementType::I32:
    return builder.getI32Type();
  case ElementType::I64:
    return builder.getI64Type();
  default:
    return {};
  }
}

FailureOr<Value> tensorOf(NodeImport &node, unsigned index) {
  if (!node.has(index))
    return node.unsupportedInput(index, "is missing");
  if (Value value = tensorOf(node, node.input(index)))
    return value;
  if (const auto *view = node.get<TensorView>(index))
    return node.unsupportedInput(index, "is of type " + elementTypeName(view->tensor->type) +
                                            ", which graphs do not compute with");
  return failure();
}

Value tensorOf(NodeImport &node, const Imported &imported) {
  if (const auto *ranked = std::get_if<Ranked>(&imported))
    return ranked->value;
  if (const auto *dequantized = std::get_if<DequantizedTensor>(&imported)) {
    const DequantizedTensor found = *dequantized;
    FailureOr<Value> floats = map(node, phiq::MapFunction::Dequantize,
                                  {initializer(node, found.codes), found.scale, found.zero}, node.builder.getF32Type());
    return llvm::succeeded(floats) ? *floats : Value();
  }
  const auto *view = std::get_if<TensorView>(&imported);
  return view ? initializer(node, *view) : Value();
}

const TensorView *storedTensor(NodeImport &node, unsigned index) {
  const auto *view = node.get<TensorView>(index);
  return view && view->tensor->bytes && !view->transposed ? view : nullptr;
}

const TensorView *storedCodes(NodeImport &node, unsigned index) {
  const TensorView *view = storedTensor(node, index);
  if (!view || view->dims.size() < 2)
    return nullptr;
  const ElementType type = view->tensor->type;
  return type == ElementType::I8 || type == ElementType::U8 ? view : nullptr;
}

FailureOr<Value> floatsOf(NodeImport &node, unsigned index) {
  FailureOr<Value> x = tensorOf(node, index);
  if (llvm::succeeded(x) && !elementTypeOf(*x).isF32())
    return node.unsupportedInput(index, "must be floats");
  return x;
}

phiq::ConstantOp constantOf(Value value) { return value.getDefiningOp<phiq::ConstantOp>(); }

std::string howToKnow(NodeImport &node, unsigned index, Value x) {
  return isa<BlockArgument>(x) ? "; --const=" + node.node.inputs[index] + "=VALUE gives it" : "";
}

FailureOr<std::vector<int64_t>> integersOf(NodeImport &node, unsigned index) {
  FailureOr<Value> x = tensorOf(node, index);
  if (llvm::failed(x))
    return failure();
  phiq::ConstantOp known = constantOf(*x);
  if (!known)
    return node.unsupportedInput(index, "must be known when compiling" + howToKnow(node, index, *x));
  if (!isa<IntegerType>(elementTypeOf(*x)))
    return node.unsupportedInput(index, "must be integers");
  return numbersOf(known.getValue()).integers;
}

RankedTensorType typeOf(Type element, ArrayRef<int64_t> shape) { return RankedTensorType::get(shape, element); }
RankedTensorType typeOf(Value x, ArrayRef<int64_t> shape) { return typeOf(elementTypeOf(x), shape); }

FailureOr<int64_t> axisOf(NodeImport &node, int64_t axis, int64_t rank, StringRef what) {
  if (axis < -rank || axis >= rank)
    return node.unsupported("its " + what + " must be " + llvm::Twine(-rank) + " to " + llvm::Twine(rank - 1) +
                            ", found " + llvm::Twine(axis));
  return axis < 0 ? axis + rank : axis;
}

FailureOr<AlongAxis> alongAxis(NodeImport &node, int64_t absent) {
  FailureOr<Value> x = tensorOf(node, 0);
  if (llvm::failed(x))
    return failure();
  FailureOr<int64_t> axis = axisOf(node, node.integer("axis", absent), int64_t(shapeOf(*x).size()));
  if (llvm::failed(axis))
    return failure();
  return AlongAxis{*x, *axis};
}

FailureOr<SmallVector<int64_t>> broadcastShape(NodeImport &node, ValueRange operands) {
  SmallVector<int64_t> shape; // the last axis first
  for (Value operand : operands)
    for (auto [axis, size] : llvm::enumerate(llvm::reverse(shapeOf(operand)))) {
      if (axis == shape.size())
        shape.push_back(size);
      else if (shape[axis] == 1)
        shape[axis] = size;
      else if (size != 1 && size != shape[axis])
        return node.unsupported("its inputs do not broadcast: " + llvm::Twine(size) + " against " +
                                llvm::Twine(shape[axis]) + " along axis -" + llvm::Twine(axis + 1));
    }
  return SmallVector<int64_t>(llvm::reverse(shape));
}

Value constant(NodeImport &node, const Rows &numbers, RankedTensorType type) {
  return phiq::ConstantOp::create(node.builder, node.loc, type, elementsOf(numbers, type));
}

Value scalar(NodeImport &node, double number, Type element) {
  auto type = typeOf(element, {});
  Rows numbers = roomFor(type);
  if (numbers.integers.empty())
    numbers.values[0] = float(number);
  else
    numbers.integers[0] = int64_t(number);
  return constant(node, numbers, type);
}

Value integerVector(NodeImport &node, ArrayRef<int64_t> integers) {
  auto type = typeOf(node.builder.getI64Type(), {int64_t(integers.size())});
  Rows numbers = roomFor(type);
  numbers.integers.assign(integers.begin(), integers.end());
  return constant(node, numbers, type);
}

Value folded(NodeImport &node, Operation *op) {
  auto type = cast<RankedTensorType>(op->getResult(0).getType());
  if (type.getNumElements() * elementBytes(type.getElementType()) > kMostFoldedBytes)
    return op->getResult(0);
  DenseElementsAttr value = type.getNumElements() == 0 ? elementsOf(roomFor(type), type) : evaluate(op);
  if (!value)
    return op->getResult(0);
  Value result = phiq::ConstantOp::create(node.builder, node.loc, type, value);
  op->erase();
  return result;
}

Value reshape(NodeImport &node, Value x, ArrayRef<int64_t> shape) {
  return shapeOf(x) == shape ? x : make<phiq::ReshapeOp>(node, typeOf(x, shape), x);
}

FailureOr<Value> map(NodeImport &node, phiq::MapFunction function, ValueRange operands, Type element) {
  FailureOr<SmallVector<int64_t>> shape = broadcastShape(node, operands);
  if (llvm::failed(shape))
    return failure();
  if (!element) {
    const MapTypes types = mapFunctionRow(function).types;
    const bool isTruth = types == MapTypes::Comparison || types == MapTypes::FloatTest;
    element = isTruth ? Type(node.builder.getI1Type()) : elementTypeOf(operands.back());
  }
  auto op = phiq::MapOp::create(node.builder, node.loc, typeOf(element, *shape), function, operands);
  // What does not fit the function is the model's fault: its verifier must not be the first to see it.
  std::string reason = phiq::whyNotMap(op);
  if (!reason.empty()) {
    op.erase();
    return node.unsupported(reason);
  }
  return folded(node, op);
}

LogicalResult give(NodeImport &node, FailureOr<Value> value, unsigned result) {
  if (llvm::failed(value))
    return failure();
  node.result(result, Ranked{*value});
  return success();
}

} // namespace phic::onnx::graph
