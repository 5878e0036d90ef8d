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
#include "compiler/import/onnx/graph/GraphNode.h"
#include "dialects/phiq/ModelFacts.h"
#include "dialects/plan/Entry.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace phic::onnx {
/// --state and --dim: names before and after the '='. Each must be of something that there is.
void GraphImporter::readFlags() {
  auto has = [](ArrayRef<ValueInfo> infos, StringRef name) {
    return llvm::any_of(infos, [&](const ValueInfo &info) { return info.name == name; });
  };
  for (StringRef flag : options.states) {
    auto [output, input] = flag.split('=');
    if (!has(model.graph().outputs, output) || !has(model.graph().inputs, input))
      refuse(function.getLoc(), "--state=" + flag + " is not OUTPUT=INPUT of this graph");
    else if (!states.try_emplace(input, output.str()).second)
      refuse(function.getLoc(), "--state=" + flag + ": input '" + input + "' has a state already");
  }
  for (StringRef flag : options.dimensions) {
    auto [name, text] = flag.split('=');
    int64_t size = 0;
    bool isNamed = llvm::any_of(model.graph().inputs,
                                [&](const ValueInfo &info) { return llvm::is_contained(info.symbols, name.str()); });
    if (text.getAsInteger(10, size) || size < 1 || !isNamed)
      refuse(function.getLoc(), "--dim=" + flag + " is not NAME=SIZE of a dimension that an input names");
    else
      dimensions[name] = size;
  }
}

/// Empty after a refusal that names the flag.
std::optional<int64_t> GraphImporter::sizeOf(const ValueInfo &info, size_t axis) {
  if (info.dims[axis] > 0)
    return info.dims[axis];
  const std::string &name = info.symbols[axis];
  if (auto given = dimensions.find(name); !name.empty() && given != dimensions.end())
    return given->second;
  refuse(NameLoc::get(builder.getStringAttr(info.name)),
         "graph input '" + info.name + "' has " +
             (name.empty() ? "no size along axis " + llvm::Twine(axis) + "; export it with one"
                           : "the dimension '" + llvm::Twine(name) + "', which has no size; --dim=" + name +
                                 "=SIZE gives it one"));
  return std::nullopt;
}

/// Empty, or what is too much: no .npy file of more axes is read, and sizes are multiplied from here on.
std::string tooLarge(ArrayRef<int64_t> shape) {
  constexpr size_t kMostAxes = 16;
  constexpr int64_t kMostElements = int64_t(1) << 31;
  if (shape.size() > kMostAxes)
    return (llvm::Twine(shape.size()) + " axes, more than " + llvm::Twine(kMostAxes)).str();
  int64_t elements = 1;
  for (int64_t size : shape)
    if (llvm::MulOverflow(elements, size, elements) || elements > kMostElements)
      return ("more than " + llvm::Twine(kMostElements) + " elements").str();
  return "";
}

void GraphImporter::bindGraphInput(const ValueInfo &info) {
  if (values.count(info.name))
    return; // before IR version 4, initializers were inputs too
  Location loc = NameLoc::get(builder.getStringAttr(info.name));
  Type element = graph::elementOf(builder, info.type);
  SmallVector<int64_t> shape;
  for (size_t axis = 0; axis < info.dims.size(); ++axis)
    if (std::optional<int64_t> size = sizeOf(info, axis))
      shape.push_back(*size);
  values[info.name] = Poison{};
  if (!element)
    refuse(loc, "graph input '" + info.name + "' is of type " + elementTypeName(info.type) +
                    "; float, uint8 and int8 are supported");
  const std::string excess = tooLarge(shape);
  if (!excess.empty())
    refuse(loc, "graph input '" + info.name + "' has " + excess);
  if (!element || shape.size() != info.dims.size() || !excess.empty())
    return;
  Value argument = function.getBody().addArgument(RankedTensorType::get(shape, element), loc);
  values[info.name] = Ranked{argument};
  plan::BindingKind kind = states.count(info.name) ? plan::BindingKind::State : plan::BindingKind::Input;
  arguments.push_back({kind, info.name});
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

/// A result has a stage that writes it: what is an input, a constant or another result is copied.
void GraphImporter::giveEachItsOwn(MutableArrayRef<Value> results) {
  llvm::SmallDenseSet<Value> given;
  for (Value &result : results)
    if (!result.getDefiningOp() || graph::constantOf(result) || result.getDefiningOp<phiq::WeightOp>() ||
        !given.insert(result).second)
      result = phiq::ReshapeOp::create(builder, result.getLoc(), result.getType(), result);
}

void GraphImporter::importGraph() {
  readFlags();
  for (const ValueInfo &info : model.graph().inputs)
    bindGraphInput(info);
  std::vector<std::string> outputs;
  for (const ValueInfo &info : model.graph().outputs)
    outputs.push_back(info.name);
  markLive(outputs);
  importNodes();
  SmallVector<Value> results;
  for (const ValueInfo &info : model.graph().outputs)
    results.push_back(graphOutput(info));
  if (refusals.empty())
    giveEachItsOwn(results);
  if (arguments.empty() || results.empty())
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
  nameBindings();
  setFiles();
  ModelFacts facts;
  facts.name = llvm::sys::path::stem(model.files().front()).str();
  setModelFacts(*module, facts);
}

/// A state has the name of its input, at both ends.
void GraphImporter::nameBindings() {
  for (auto [i, argument] : llvm::enumerate(arguments))
    plan::nameArgument(function, i, argument.first, argument.second);
  for (auto [i, info] : llvm::enumerate(model.graph().outputs)) {
    auto state = llvm::find_if(states, [&](const auto &entry) { return entry.second == info.name; });
    if (state == states.end())
      plan::nameResult(function, i, plan::BindingKind::Result, info.name);
    else
      plan::nameResult(function, i, plan::BindingKind::State, state->first());
  }
}

} // namespace phic::onnx
