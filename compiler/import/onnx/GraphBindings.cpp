//===- GraphBindings.cpp - Inputs, results and state of a graph -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A graph that is no decoder has the inputs and outputs that it declares, of static shape:
//
//     x: float[1, 2, 8, 8], h: float[1, 16] -> nodes -> y: float[1, 16], h_next: float[1, 16]       --state h_next=h
//  becomes
//     func.func @model(%x: tensor<1x2x8x8xf32> {input "x"}, %h: tensor<1x16xf32> {state "h"})
//         -> (tensor<1x16xf32> {result "y"}, tensor<1x16xf32> {state "h"})
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/InputFlags.h"
#include "compiler/import/onnx/graph/GraphNode.h"
#include "dialects/phiq/ModelFacts.h"
#include "dialects/plan/Entry.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace phic::onnx {
namespace {

bool holdsIndices(Type type) {
  Type element = cast<ShapedType>(type).getElementType();
  return element.isInteger(32) || element.isInteger(64);
}

/// The smallest axis that numbers index, as they are or through ops that keep them; 0: they index nothing.
uint32_t indexLimitOf(Value numbers) {
  int64_t least = INT32_MAX;
  SmallVector<Value> work{numbers};
  auto limit = [&](Operation *gather, int64_t axis) {
    least = std::min(least, cast<ShapedType>(gather->getOperand(0).getType()).getDimSize(unsigned(axis)));
  };
  while (!work.empty()) {
    Value value = work.pop_back_val();
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      auto map = dyn_cast<phiq::MapOp>(user);
      const bool isCast = map && map.getFunction() == phiq::MapFunction::Cast;
      if (isa<phiq::ReshapeOp, phiq::PermuteOp, phiq::BroadcastOp>(user) || isCast)
        work.push_back(user->getResult(0));
      else if (auto gather = dyn_cast<phiq::GatherOp>(user); gather && use.getOperandNumber() == 1)
        limit(gather, gather.getAxis());
      else if (auto elements = dyn_cast<phiq::GatherElementsOp>(user); elements && use.getOperandNumber() == 1)
        limit(elements, elements.getAxis());
    }
  }
  return least == INT32_MAX ? 0 : uint32_t(least);
}

} // namespace

void GraphImporter::bindGraphInput(const ValueInfo &info, const InputFlags &flags) {
  if (values.count(info.name))
    return; // before IR version 4, initializers were inputs too
  Imported &value = values[info.name] = Poison{};
  if (flags.isConstant(info.name)) {
    if (std::optional<Tensor> tensor = flags.constantOf(info, options.inputs)) {
      const Tensor &constant = keep(std::move(*tensor));
      value = TensorView{&constant, constant.dims};
    }
    return;
  }
  Location loc = NameLoc::get(builder.getStringAttr(info.name));
  Type element = graph::elementOf(builder, info.type);
  if (!element)
    return refuse(loc,
                  "graph input '" + info.name + "' is " +
                      (info.type == ElementType::Undefined ? "no tensor" : "of type " + elementTypeName(info.type)) +
                      "; tensors of float, bool, int8, uint8, int32, int64, int4 and uint4 are supported");
  std::optional<std::vector<int64_t>> shape = flags.shapeOf(info);
  if (!shape || flags.areWrong())
    return;
  auto type = RankedTensorType::get(*shape, element);
  Value argument = function.getBody().addArgument(type, loc);
  // What has no elements is known: all that is made of it folds, and no kernel reads nothing.
  if (type.getNumElements() == 0)
    argument = phiq::ConstantOp::create(builder, loc, type, elementsOf(roomFor(type), type));
  value = Ranked{argument};
  const bool isState = flags.states().count(info.name);
  arguments.push_back({isState ? plan::BindingKind::State : plan::BindingKind::Input, info.name});
}

/// Null after a refusal, or when a node of it was reported.
Value GraphImporter::graphOutput(const ValueInfo &info) {
  const Imported *value = lookup(info.name);
  if (value && std::holds_alternative<Poison>(*value))
    return {};
  const auto *ranked = value ? std::get_if<Ranked>(value) : nullptr;
  if (!ranked) {
    refuse(NameLoc::get(builder.getStringAttr(info.name)),
           "graph output '" + info.name + "' is not computed from the inputs");
    return {};
  }
  return ranked->value;
}

/// Constants that only importing read.
void GraphImporter::eraseUnused() {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
}

void GraphImporter::importGraph() {
  const InputFlags flags(model.graph(), options.graphInputs, [&](StringRef input, const llvm::Twine &reason) {
    refuse(input.empty() ? function.getLoc() : NameLoc::get(builder.getStringAttr(input)), reason);
  });
  for (const ValueInfo &info : model.graph().inputs)
    bindGraphInput(info, flags);
  std::vector<std::string> outputs;
  for (const ValueInfo &info : model.graph().outputs)
    outputs.push_back(info.name);
  markLive(outputs);
  importNodes(model.graph());
  SmallVector<Value> results;
  for (const ValueInfo &info : model.graph().outputs)
    results.push_back(graphOutput(info));
  if (refusals.empty() && (arguments.empty() || results.empty()))
    refuse(function.getLoc(), "the graph has no input, or no output");
  constexpr size_t kMostBindings = 1024;
  if (arguments.size() + results.size() > kMostBindings)
    refuse(function.getLoc(), "the graph has " + llvm::Twine(arguments.size()) + " inputs and " +
                                  llvm::Twine(results.size()) + " outputs, more than " + llvm::Twine(kMostBindings) +
                                  " together");
  if (!refusals.empty())
    return;
  func::ReturnOp::create(builder, function.getLoc(), results);
  eraseUnused();
  function.setFunctionType(builder.getFunctionType(function.getBody().getArgumentTypes(), TypeRange(results)));
  nameBindings(flags);
  setFiles();
  ModelFacts facts;
  facts.name = llvm::sys::path::stem(model.files().front()).str();
  setModelFacts(*module, facts);
}

/// A state has the name of its input, at both ends.
void GraphImporter::nameBindings(const InputFlags &flags) {
  for (auto [i, argument] : llvm::enumerate(arguments))
    plan::nameArgument(function, i, argument.first, argument.second);
  for (BlockArgument argument : function.getArguments())
    if (uint32_t limit = holdsIndices(argument.getType()) ? indexLimitOf(argument) : 0)
      plan::limitArgument(function, argument.getArgNumber(), limit);
  for (auto [i, info] : llvm::enumerate(model.graph().outputs)) {
    auto state = llvm::find_if(flags.states(), [&](const auto &entry) { return entry.second == info.name; });
    if (state == flags.states().end())
      plan::nameResult(function, i, plan::BindingKind::Result, info.name);
    else
      plan::nameResult(function, i, plan::BindingKind::State, state->first());
  }
}

} // namespace phic::onnx
