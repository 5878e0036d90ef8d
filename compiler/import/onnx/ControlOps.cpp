//===- ControlOps.cpp - Imports constants and the If -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one If that decoders have chooses LongRoPE's tables by the sequence's length:
//
//     cos, sin = If(Greater(total, 4096)) then (cos_large, sin_large) else (cos_small, sin_small)
//
// It becomes a Selected value, which phiq.rope takes as its long tables and threshold.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/NodeImport.h"

using namespace mlir;

namespace phic::onnx {
namespace {

/// The tensor that a branch calls `name`: its initializer, Constant or an initializer outside.
FailureOr<TensorView> branchTensor(NodeImport &node, const Graph &branch, std::string name) {
  for (size_t steps = 0; steps <= branch.nodes.size(); ++steps) {
    for (const Tensor &tensor : branch.initializers)
      if (tensor.name == name)
        return TensorView{&tensor, tensor.dims};
    auto makes = [&](const Node &inner) { return llvm::is_contained(inner.outputs, name); };
    auto inner = llvm::find_if(branch.nodes, makes);
    if (inner == branch.nodes.end()) {
      const Imported *outer = node.importer.lookup(name);
      if (const auto *view = outer ? std::get_if<TensorView>(outer) : nullptr)
        return *view;
      return node.unsupported("its branch reads '" + name + "', which is not an initializer");
    }
    const Attribute *value = inner->attribute("value");
    if (inner->op == "Constant" && value && value->tensor)
      return TensorView{value->tensor.get(), value->tensor->dims};
    if (inner->op != "Identity" || inner->inputs.empty())
      return node.unsupported("its branch has node '" + inner->name + "' of op '" + inner->op +
                              "'; only constants can be chosen");
    name = inner->inputs[0];
  }
  return node.unsupported("its branch has a cycle");
}

LogicalResult floatConstant(NodeImport &node, std::vector<int64_t> dims, ArrayRef<float> values) {
  Tensor tensor{node.node.outputs.front(), ElementType::F32, std::move(dims), std::nullopt, {}};
  for (float value : values)
    tensor.append(llvm::bit_cast<uint32_t>(value));
  const Tensor &kept = node.importer.keep(std::move(tensor));
  node.result(0, TensorView{&kept, kept.dims});
  return success();
}

} // namespace

LogicalResult importIdentity(NodeImport &node) {
  node.result(0, node.input(0));
  return success();
}

LogicalResult importConstant(NodeImport &node) {
  if (const Attribute *value = node.attribute("value"); value && value->tensor) {
    node.result(0, TensorView{value->tensor.get(), value->tensor->dims});
    return success();
  }
  if (const Attribute *value = node.attribute("value_int"); value && value->kind == Attribute::Kind::Integer) {
    node.result(0, Symbolic::scalar({value->integer}));
    return success();
  }
  if (const Attribute *value = node.attribute("value_ints"); value && value->kind == Attribute::Kind::Integers) {
    std::vector<Affine> values;
    for (int64_t number : value->integers)
      values.push_back({number});
    node.result(0, Symbolic::vector(std::move(values)));
    return success();
  }
  if (const Attribute *value = node.attribute("value_float"); value && value->kind == Attribute::Kind::Real)
    return floatConstant(node, {}, value->real);
  if (const Attribute *value = node.attribute("value_floats"); value && value->kind == Attribute::Kind::Reals)
    return floatConstant(node, {int64_t(value->reals.size())}, value->reals);
  for (StringRef name : {"value_string", "value_strings"})
    if (node.attribute(name))
      return node.unsupportedAttribute(name, "is text; only numbers are supported");
  if (node.attribute("sparse_value"))
    return node.unsupportedAttribute("sparse_value", "is a sparse tensor; only dense ones are supported");
  return node.unsupported("it has no value");
}

LogicalResult importIf(NodeImport &node) {
  const Attribute *thenBranch = node.attribute("then_branch"), *elseBranch = node.attribute("else_branch");
  FailureOr<Symbolic> condition = node.symbolic(0);
  if (llvm::failed(condition))
    return failure();
  const Affine *value = condition->single();
  if (!thenBranch || !elseBranch || !thenBranch->graph || !elseBranch->graph)
    return node.unsupported("it needs two branches");
  // Affine{1, 0, 0, -1, t}: where the sequence is not longer than t.
  bool byLength =
      value && (*value == Affine{0, 0, 0, 1, value->threshold} || *value == Affine{1, 0, 0, -1, value->threshold});
  if (!value || (!byLength && !value->isConstant()))
    return node.unsupportedInput(0, "must depend on the sequence's length alone, found " + condition->str());
  for (size_t i = 0; i < node.node.outputs.size(); ++i) {
    if (i >= thenBranch->graph->outputs.size() || i >= elseBranch->graph->outputs.size())
      return node.unsupported("its branches have fewer outputs than it");
    FailureOr<TensorView> yes = branchTensor(node, *thenBranch->graph, thenBranch->graph->outputs[i].name);
    FailureOr<TensorView> no = branchTensor(node, *elseBranch->graph, elseBranch->graph->outputs[i].name);
    if (llvm::failed(yes) || llvm::failed(no))
      return failure();
    if (!byLength)
      node.result(i, value->constant ? *yes : *no);
    else if (value->step > 0)
      node.result(i, Selected{value->threshold, *yes, *no});
    else
      node.result(i, Selected{value->threshold, *no, *yes});
  }
  return success();
}

} // namespace phic::onnx
