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
#include "llvm/ADT/StringSet.h"
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

std::string textOf(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

} // namespace

/// Inputs and outputs are told apart by their names.
void GraphImporter::checkNames() {
  llvm::StringSet<> inputs, outputs;
  auto wrong = [&](const char *what, const ValueInfo &info, const char *why) {
    refuse(NameLoc::get(builder.getStringAttr(info.name)),
           llvm::Twine("graph ") + what + " '" + info.name + "' " + why);
  };
  for (const ValueInfo &info : model.graph().inputs)
    if (!inputs.insert(info.name).second)
      wrong("input", info, "is declared twice");
  for (const ValueInfo &info : model.graph().outputs)
    if (!outputs.insert(info.name).second)
      wrong("output", info, "is declared twice");
    else if (inputs.contains(info.name))
      wrong("output", info, "is an input: nothing computes it");
}

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
  checkDeclared(info, cast<RankedTensorType>(ranked->value.getType()));
  return ranked->value;
}

/// Sizes are what the nodes make of the inputs'; what tools write beside them may be another model's.
void GraphImporter::checkDeclared(const ValueInfo &info, RankedTensorType type) {
  Location loc = NameLoc::get(builder.getStringAttr(info.name));
  Type element = graph::elementOf(builder, info.type);
  if (element && element != type.getElementType())
    return refuse(loc, "graph output '" + info.name + "' is declared as " + elementTypeName(info.type) +
                           ", and its node makes another type");
  auto differs = [](auto sizes) { return std::get<0>(sizes) >= 0 && std::get<0>(sizes) != std::get<1>(sizes); };
  if (info.hasShape &&
      (info.dims.size() != type.getShape().size() || llvm::any_of(llvm::zip(info.dims, type.getShape()), differs)))
    emitWarning(loc) << "graph output '" << info.name << "' is " << type
                     << ", not of the shape that the model declares";
}

/// What a run returns is what the next one takes.
void GraphImporter::checkStates(const InputFlags &flags, ArrayRef<Value> results) {
  for (auto [argument, binding] : llvm::zip(function.getArguments(), arguments))
    for (auto [result, info] : llvm::zip(results, model.graph().outputs))
      if (auto state = flags.states().find(binding.second); state != flags.states().end() &&
                                                            state->second == info.name && result &&
                                                            result.getType() != argument.getType())
        refuse(argument.getLoc(), "--state=" + info.name + "=" + binding.second + ": the output is " +
                                      textOf(result.getType()) + ", the input " + textOf(argument.getType()));
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
  checkNames();
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
  checkStates(flags, results);
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
