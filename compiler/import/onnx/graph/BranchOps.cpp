//===- BranchOps.cpp - Imports branches ------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ops have no effects, so that a branch is its nodes where they are needed. Of a condition that is known the other branch is
// as if it were not there; of another both are computed, and each result is chosen:
//
//     y = If(c) then { a } else { b }   ->   phiq.map select %c, %a, %b
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/graph/GraphNode.h"

using namespace mlir;

namespace phic::onnx::graph {
namespace {

/// What two branches give, chosen by the condition.
FailureOr<Value> chosen(NodeImport &node, Value condition, const Imported &yes, const Imported &no) {
  Value x = tensorOf(node, yes), y = tensorOf(node, no);
  if (!x || !y)
    return node.unsupported("a branch gives no tensor that graphs compute with");
  if (x.getType() != y.getType()) {
    std::string types;
    llvm::raw_string_ostream(types) << x.getType() << " and " << y.getType();
    return node.unsupported("its condition is not known when compiling, and its branches give " + types +
                            "; they must be alike");
  }
  return map(node, phiq::MapFunction::Select, {condition, x, y});
}

} // namespace

LogicalResult importIf(NodeImport &node) {
  const Attribute *yes = node.attribute("then_branch"), *no = node.attribute("else_branch");
  FailureOr<Value> condition = tensorOf(node, 0);
  if (llvm::failed(condition))
    return failure();
  const size_t outputs = node.node.outputs.size();
  for (const Attribute *branch : {yes, no})
    if (!branch || !branch->graph || branch->graph->outputs.size() != outputs)
      return node.unsupported("it must have two branches, with as many outputs as it has");
  if (cast<ShapedType>(condition->getType()).getNumElements() != 1 || !elementTypeOf(*condition).isInteger(1))
    return node.unsupportedInput(0, "must be one truth value");
  if (phiq::ConstantOp known = constantOf(*condition)) {
    const bool isTaken = numbersOf(known.getValue()).integers.front() != 0;
    std::vector<Imported> results = node.importer.importBranch(*(isTaken ? yes : no)->graph);
    for (auto [i, result] : llvm::enumerate(results))
      node.result(unsigned(i), std::move(result));
    return success();
  }
  std::vector<Imported> then = node.importer.importBranch(*yes->graph), other = node.importer.importBranch(*no->graph);
  if (llvm::any_of(llvm::concat<Imported>(then, other),
                   [](const Imported &x) { return std::holds_alternative<Poison>(x); }))
    (void)node.unsupported(
        "its condition is not known when compiling, so that both of its branches are compiled; --const=NAME=VALUE of "
        "the input that decides it leaves one");
  Value scalarCondition = make<phiq::ReshapeOp>(node, typeOf(*condition, {}), *condition);
  for (size_t i = 0; i < outputs; ++i) {
    if (std::holds_alternative<Poison>(then[i]) || std::holds_alternative<Poison>(other[i]))
      node.result(unsigned(i), Poison{});
    else if (llvm::failed(give(node, chosen(node, scalarCondition, then[i], other[i]), unsigned(i))))
      return failure();
  }
  return success();
}

} // namespace phic::onnx::graph
