//===- ElementwiseOps.cpp - Imports sums, products, activations -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The same ONNX op works on activations (an op results) and on lengths and positions
// (evaluated, see Symbolic.h).
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/NodeImport.h"

using namespace mlir;

namespace phic::onnx {
namespace {

using Evaluate = llvm::Expected<Symbolic> (*)(const Symbolic &, const Symbolic &);

LogicalResult evaluate(NodeImport &node, Evaluate function) {
  FailureOr<Symbolic> a = node.symbolic(0), b = node.symbolic(1);
  return llvm::failed(a) || llvm::failed(b) ? failure() : node.result(function(*a, *b));
}

/// Two activations of one shape.
FailureOr<std::pair<RowsValue, RowsValue>> sameShape(NodeImport &node) {
  FailureOr<RowsValue> a = node.tokens(0), b = node.tokens(1);
  if (llvm::failed(a) || llvm::failed(b))
    return failure();
  if (a->value.getType() != b->value.getType() || a->which != b->which)
    return node.unsupportedInput(1, "must have the shape of input 0");
  return std::pair(*a, *b);
}

/// x + vector, the vector being `biasInput`.
LogicalResult makeBias(NodeImport &node, unsigned xInput, unsigned biasInput) {
  FailureOr<RowsValue> x = node.tokens(xInput);
  if (llvm::failed(x))
    return failure();
  FailureOr<Value> bias = node.vector(biasInput, columnsOf(x->value));
  if (llvm::failed(bias))
    return failure();
  node.rowsResult(0, phiq::BiasOp::create(node.builder, node.loc, x->value, *bias), *x);
  return success();
}

} // namespace

LogicalResult importAdd(NodeImport &node) {
  if (node.isSymbolic(0) || node.isSymbolic(1))
    return evaluate(node, symbolicAdd);
  if (node.get<TensorView>(1))
    return makeBias(node, 0, 1);
  if (node.get<TensorView>(0))
    return makeBias(node, 1, 0);
  auto operands = sameShape(node);
  if (llvm::failed(operands))
    return failure();
  auto &[a, b] = *operands;
  node.rowsResult(0, arith::AddFOp::create(node.builder, node.loc, a.value, b.value), a);
  return success();
}

LogicalResult importMul(NodeImport &node) {
  if (node.isSymbolic(0) || node.isSymbolic(1))
    return evaluate(node, symbolicMul);
  auto operands = sameShape(node);
  if (llvm::failed(operands))
    return failure();
  auto &[a, b] = *operands;
  node.rowsResult(0, arith::MulFOp::create(node.builder, node.loc, a.value, b.value), a);
  return success();
}

LogicalResult importSub(NodeImport &node) { return evaluate(node, symbolicSub); }

/// Greater, Less and their variants with equality.
LogicalResult importGreater(NodeImport &node) {
  FailureOr<Symbolic> a = node.symbolic(0), b = node.symbolic(1);
  if (llvm::failed(a) || llvm::failed(b))
    return failure();
  StringRef op = node.node.op;
  if (op.starts_with("Less"))
    std::swap(*a, *b);
  return node.result(symbolicGreater(*a, *b, op.ends_with("OrEqual")));
}

LogicalResult importGelu(NodeImport &node) {
  std::string approximate = node.text("approximate", "none");
  if (approximate == "none")
    return importUnary<phiq::GeluOp>(node);
  if (approximate == "tanh")
    return importUnary<phiq::GeluTanhOp>(node);
  return node.unsupportedAttribute("approximate", "must be 'none' or 'tanh', found '" + approximate + "'");
}

/// Gelu, BiasGelu and FastGelu (the tanh form) of com.microsoft, the latter two with a bias.
LogicalResult importBiasGelu(NodeImport &node) {
  FailureOr<RowsValue> x = node.tokens(0);
  if (llvm::failed(x))
    return failure();
  Value value = x->value;
  if (node.has(1)) {
    FailureOr<Value> bias = node.vector(1, columnsOf(value));
    if (llvm::failed(bias))
      return failure();
    value = phiq::BiasOp::create(node.builder, node.loc, value, *bias);
  }
  value = node.node.op == "FastGelu" ? phiq::GeluTanhOp::create(node.builder, node.loc, value).getResult()
                                     : phiq::GeluOp::create(node.builder, node.loc, value).getResult();
  node.rowsResult(0, value, *x);
  return success();
}

/// x * sigmoid(alpha * x); phiq has it for alpha 1.
LogicalResult importQuickGelu(NodeImport &node) {
  if (float alpha = node.real("alpha", 1.702f); alpha != 1)
    return node.unsupportedAttribute("alpha", "must be 1, found " + llvm::Twine(std::to_string(alpha)));
  return importUnary<phiq::SiluOp>(node);
}

/// Activations are f32 throughout; lengths and positions have no type.
LogicalResult importCast(NodeImport &node) {
  node.ignore({"saturate", "round_mode"});
  auto to = ElementType(node.integer("to", 0));
  bool toInteger = to == ElementType::I64 || to == ElementType::I32;
  const Imported &value = node.input(0);
  if (node.isSymbolic(0)) {
    FailureOr<Symbolic> x = node.symbolic(0);
    if (llvm::failed(x))
      return failure();
    if (!toInteger)
      return node.unsupportedAttribute("to", "of integers must be int32 or int64, found " + elementTypeName(to));
    node.result(0, *x);
    return success();
  }
  bool fits = std::holds_alternative<Ids>(value) ? toInteger : bool(floatType(node.builder.getContext(), to));
  if (!fits || !(std::holds_alternative<Ids>(value) || std::holds_alternative<RowsValue>(value)))
    return node.unsupportedInput(0, "cannot be cast to " + elementTypeName(to));
  node.result(0, value);
  return success();
}

} // namespace phic::onnx
