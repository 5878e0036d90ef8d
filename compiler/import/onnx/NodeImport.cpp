//===- NodeImport.cpp - One node, as its importer sees it ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/NodeImport.h"

using namespace mlir;

namespace phic::onnx {
namespace {

/// More integers than any shape has: then it is data.
constexpr int64_t kMaxConstants = 1024;

const char *describe(const Imported &value) {
  constexpr const char *kNames[] = {"nothing",
                                    "an unsupported value",
                                    "token ids",
                                    "activations",
                                    "integers",
                                    "an initializer",
                                    "a choice of initializers",
                                    "a dequantized weight",
                                    "a cache",
                                    "a cache",
                                    "a tensor"};
  return kNames[value.index()];
}

} // namespace

int64_t columnsOf(Value value) {
  auto type = cast<ShapedType>(value.getType());
  return type.getDimSize(type.getRank() - 1);
}

RankedTensorType rowsType(OpBuilder &builder, int64_t columns) {
  return RankedTensorType::get({ShapedType::kDynamic, columns}, builder.getF32Type());
}

NodeImport::NodeImport(GraphImporter &importer, const Node &node)
    : node(node), importer(importer), builder(importer.builder), weights(importer.weights),
      loc(NameLoc::get(builder.getStringAttr(node.name))), usedInputs(node.inputs.size()),
      usedAttributes(node.attributes.size()), results(node.outputs.size()) {}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

const Imported &NodeImport::input(unsigned index) {
  static const Imported kNothing;
  if (!has(index))
    return kNothing;
  usedInputs[index] = true;
  return *importer.lookup(node.inputs[index]);
}

bool NodeImport::isSymbolic(unsigned index) {
  if (get<Symbolic>(index))
    return true;
  const auto *view = get<TensorView>(index);
  return view && (view->tensor->type == ElementType::I64 || view->tensor->type == ElementType::I32 ||
                  view->tensor->type == ElementType::Bool);
}

FailureOr<Symbolic> NodeImport::symbolic(unsigned index) {
  if (const auto *value = get<Symbolic>(index))
    return *value;
  const auto *view = get<TensorView>(index);
  if (!view || !isSymbolic(index) || view->transposed)
    return unsupportedInput(index, llvm::Twine("must be integers, found ") + describe(input(index)));
  if (view->tensor->elements() > kMaxConstants)
    return unsupportedInput(index, "has too many integers for a shape");
  Symbolic result;
  for (int64_t dim : view->dims)
    result.shape.push_back({dim});
  const std::vector<int64_t> numbers = *importer.model.integers(*view->tensor);
  for (int64_t number : numbers)
    result.values.push_back({number});
  return result;
}

FailureOr<std::vector<int64_t>> NodeImport::constants(unsigned index) {
  FailureOr<Symbolic> value = symbolic(index);
  if (llvm::failed(value))
    return failure();
  std::vector<int64_t> numbers;
  for (const Affine &number : value->values) {
    if (!number.isConstant())
      return unsupportedInput(index, "must be constant, found " + value->str());
    numbers.push_back(number.constant);
  }
  if (value->kind != Symbolic::Kind::Values)
    return unsupportedInput(index, "must be constant, found " + value->str());
  return numbers;
}

FailureOr<RowsValue> NodeImport::rows(unsigned index) {
  if (const auto *rows = get<RowsValue>(index))
    return *rows;
  return unsupportedInput(index, llvm::Twine("must be activations, found ") + describe(input(index)));
}

FailureOr<RowsValue> NodeImport::tokens(unsigned index) {
  FailureOr<RowsValue> found = rows(index);
  if (llvm::failed(found))
    return failure();
  if (found->view != RowsValue::View::Tokens)
    return unsupportedInput(index, "must be of shape [batch, sequence, columns]");
  if (!cast<ShapedType>(found->value.getType()).getElementType().isF32())
    return unsupportedInput(index, "must be floats, found quantized activations");
  return found;
}

FailureOr<Value> NodeImport::allTokens(unsigned index, int64_t columns) {
  FailureOr<RowsValue> found = tokens(index);
  if (llvm::failed(found))
    return failure();
  if (found->which != RowsValue::Which::All)
    return unsupportedInput(index, "holds only some of the tokens");
  if (columns && columnsOf(found->value) != columns)
    return unsupportedInput(index, "must have " + llvm::Twine(columns) + " columns, found " +
                                       llvm::Twine(columnsOf(found->value)));
  return found->value;
}

FailureOr<TensorView> NodeImport::tensor(unsigned index, bool isFloat) {
  const auto *view = get<TensorView>(index);
  if (!view)
    return unsupportedInput(index, llvm::Twine("must be an initializer, found ") + describe(input(index)));
  if (isFloat && !floatType(builder.getContext(), view->tensor->type))
    return unsupportedInput(index,
                            "must be of type float, float16 or bfloat16, found " + elementTypeName(view->tensor->type));
  if (!view->tensor->bytes)
    return unsupportedInput(index, "is neither raw nor external data; save the model with raw_data");
  return *view;
}

FailureOr<Value> NodeImport::vector(unsigned index, int64_t length) {
  FailureOr<TensorView> view = tensor(index, /*isFloat=*/true);
  if (llvm::failed(view))
    return failure();
  if (view->tensor->elements() != length)
    return unsupportedInput(index, "must have " + llvm::Twine(length) + " elements, found " +
                                       llvm::Twine(view->tensor->elements()));
  return weights.vector(*view);
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

const Attribute *NodeImport::attribute(StringRef name) {
  const Attribute *found = node.attribute(name);
  if (found)
    usedAttributes[found - node.attributes.data()] = true;
  return found;
}

int64_t NodeImport::integer(StringRef name, int64_t absent) {
  const Attribute *found = attribute(name);
  if (found && found->kind != Attribute::Kind::Integer)
    return (void)unsupportedAttribute(name, "must be an integer"), absent;
  return found ? found->integer : absent;
}

float NodeImport::real(StringRef name, float absent) {
  const Attribute *found = attribute(name);
  if (found && (found->kind != Attribute::Kind::Real || !std::isfinite(found->real)))
    return (void)unsupportedAttribute(name, "must be a finite number"), absent;
  return found ? found->real : absent;
}

std::string NodeImport::text(StringRef name, StringRef absent) {
  const Attribute *found = attribute(name);
  if (found && found->kind != Attribute::Kind::Text)
    return (void)unsupportedAttribute(name, "must be a string"), absent.str();
  return found ? found->text : absent.str();
}

std::vector<int64_t> NodeImport::integers(StringRef name) {
  const Attribute *found = attribute(name);
  if (found && found->kind != Attribute::Kind::Integers)
    return (void)unsupportedAttribute(name, "must be a list of integers"), std::vector<int64_t>();
  return found ? found->integers : std::vector<int64_t>();
}

std::vector<float> NodeImport::reals(StringRef name) {
  const Attribute *found = attribute(name);
  if (found && (found->kind != Attribute::Kind::Reals ||
                !llvm::all_of(found->reals, [](float real) { return std::isfinite(real); })))
    return (void)unsupportedAttribute(name, "must be a list of finite numbers"), std::vector<float>();
  return found ? found->reals : std::vector<float>();
}

std::vector<std::string> NodeImport::texts(StringRef name) {
  const Attribute *found = attribute(name);
  if (found && found->kind != Attribute::Kind::Texts)
    return (void)unsupportedAttribute(name, "must be a list of strings"), std::vector<std::string>();
  return found ? found->texts : std::vector<std::string>();
}

void NodeImport::ignore(ArrayRef<StringRef> names) {
  for (StringRef name : names)
    attribute(name);
}

LogicalResult NodeImport::require(StringRef name, int64_t value) {
  if (int64_t found = integer(name, value); found != value)
    return unsupportedAttribute(name, "must be " + llvm::Twine(value) + ", found " + llvm::Twine(found));
  return success(!refused);
}

//===----------------------------------------------------------------------===//
// Results and refusals
//===----------------------------------------------------------------------===//

void NodeImport::result(unsigned index, Imported value) {
  if (index < results.size())
    results[index] = std::move(value);
}

void NodeImport::rowsResult(unsigned index, Value value, const RowsValue &like) {
  result(index, RowsValue{value, like.view, like.which, like.headDim});
}

LogicalResult NodeImport::result(llvm::Expected<Symbolic> value) {
  if (!value)
    return unsupported(llvm::toString(value.takeError()));
  result(0, std::move(*value));
  return success();
}

LogicalResult NodeImport::refuse(const llvm::Twine &reason) {
  importer.refuse(loc, "op '" + node.op + "': " + reason);
  refused = true;
  return failure();
}

LogicalResult NodeImport::unsupported(const llvm::Twine &reason) { return poisoned ? failure() : refuse(reason); }

LogicalResult NodeImport::unsupportedAttribute(StringRef name, const llvm::Twine &reason) {
  return refuse("attribute '" + name + "' " + reason);
}

LogicalResult NodeImport::refuseInputs(unsigned first, ArrayRef<StringRef> names) {
  for (auto [i, name] : llvm::enumerate(names))
    if (has(first + i))
      (void)refuse("input " + llvm::Twine(first + i) + " ('" + node.inputs[first + i] + "'), " + name +
                   ", is not supported");
  return success(!refused);
}

LogicalResult NodeImport::unsupportedInput(unsigned index, const llvm::Twine &reason) {
  return unsupported("input " + llvm::Twine(index) + (has(index) ? " ('" + node.inputs[index] + "') " : " ") + reason);
}

void NodeImport::checkUse() {
  for (unsigned i = 0; i < usedInputs.size(); ++i)
    if (has(i) && !usedInputs[i])
      (void)unsupportedInput(i, "is not supported");
  for (unsigned i = 0; i < usedAttributes.size(); ++i)
    if (!usedAttributes[i])
      (void)unsupportedAttribute(node.attributes[i].name, "is not known");
}

} // namespace phic::onnx
