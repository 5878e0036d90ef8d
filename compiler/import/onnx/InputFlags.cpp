//===- InputFlags.cpp - Flags held against a graph's inputs ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/InputFlags.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

namespace phic::onnx {
namespace {

/// 1x3x320x320, with SIZE for what is not known.
std::string shapeText(llvm::ArrayRef<int64_t> sizes) {
  auto text = [](int64_t size) { return size >= 0 ? std::to_string(size) : "SIZE"; };
  return sizes.empty() ? "scalar" : llvm::join(llvm::map_range(sizes, text), "x");
}

/// "; did you mean 'x'?", or else what there is.
std::string alternatives(llvm::StringRef found, llvm::ArrayRef<std::string> known) {
  constexpr size_t kMostListed = 12;
  unsigned least = std::max(2u, unsigned(found.size()) / 3) + 1;
  const std::string *nearest = nullptr;
  for (const std::string &name : known)
    if (unsigned distance = found.edit_distance(name, /*AllowReplacements=*/true, least); distance < least) {
      least = distance;
      nearest = &name;
    }
  if (nearest)
    return "; did you mean '" + *nearest + "'?";
  if (known.empty())
    return "; it has none";
  std::string text = "; it has " + llvm::join(known.take_front(kMostListed), ", ");
  return known.size() > kMostListed ? text + " and " + std::to_string(known.size() - kMostListed) + " more" : text;
}

/// Empty, or what is too much: no .npy file of more axes is read, and sizes are multiplied from here on.
std::string tooLarge(llvm::ArrayRef<int64_t> shape) {
  constexpr size_t kMostAxes = 16;
  constexpr int64_t kMostElements = int64_t(1) << 31;
  if (shape.size() > kMostAxes)
    return std::to_string(shape.size()) + " axes, more than " + std::to_string(kMostAxes);
  int64_t elements = 1;
  for (int64_t size : shape)
    if (llvm::MulOverflow(elements, size, elements) || elements > kMostElements)
      return "more than " + std::to_string(kMostElements) + " elements";
  return "";
}

std::vector<std::string> namesOf(const std::vector<ValueInfo> &infos) {
  std::vector<std::string> names;
  for (const ValueInfo &info : infos)
    names.push_back(info.name);
  return names;
}

} // namespace

InputFlags::InputFlags(const Graph &graph, const InputSettings &settings, Refuse tell)
    : graph(graph), settings(settings), tell(std::move(tell)) {
  readDimensions();
  readShapes();
  readConstants();
  readStates();
}

void InputFlags::refuse(llvm::StringRef input, const llvm::Twine &reason) {
  wrong = true;
  tell(input, reason);
}

const ValueInfo *InputFlags::find(const std::vector<ValueInfo> &infos, llvm::StringRef name) const {
  auto found = llvm::find_if(infos, [&](const ValueInfo &info) { return info.name == name; });
  return found == infos.end() ? nullptr : &*found;
}

/// Before IR version 4, initializers were inputs too.
bool InputFlags::isInput(llvm::StringRef flag, llvm::StringRef name) {
  if (!find(graph.inputs, name))
    return refuse("", flag + ": the graph has no input '" + name + "'" + alternatives(name, namesOf(graph.inputs))),
           false;
  if (llvm::any_of(graph.initializers, [&](const Tensor &tensor) { return tensor.name == name; }))
    return refuse(name, flag + ": input '" + name + "' has a value in the model"), false;
  return true;
}

void InputFlags::readDimensions() {
  std::vector<std::string> known;
  for (const ValueInfo &input : graph.inputs)
    for (const std::string &name : input.symbols)
      if (!name.empty() && !llvm::is_contained(known, name))
        known.push_back(name);
  for (auto &[name, size] : settings.dimensions) {
    std::string flag = "--dim=" + name + "=" + std::to_string(size);
    if (!llvm::is_contained(known, name))
      refuse("", flag + ": no input of the graph names a dimension '" + name + "'" + alternatives(name, known));
    else
      dimensions[name] = {size, std::move(flag)};
  }
}

void InputFlags::readShapes() {
  for (auto &[name, shape] : settings.shapes) {
    const std::string flag = "--shape=" + name + "=" + shapeText(shape);
    if (!isInput(flag, name))
      continue;
    const ValueInfo &input = *find(graph.inputs, name);
    shapes[name] = shape;
    if (input.hasShape && input.dims.size() != shape.size()) {
      refuse(name, flag + ": input '" + name + "' has " + llvm::Twine(input.dims.size()) + " axes");
      continue;
    }
    for (size_t axis = 0; axis < input.dims.size(); ++axis) {
      const std::string &symbol = input.symbols[axis];
      const std::string where = flag + ": input '" + name + "' has ";
      if (input.dims[axis] >= 0 && input.dims[axis] != shape[axis])
        refuse(name, where + llvm::Twine(input.dims[axis]) + " along axis " + llvm::Twine(axis));
      else if (!symbol.empty())
        if (auto [known, isNew] = dimensions.try_emplace(symbol, Size{shape[axis], flag});
            !isNew && known->second.size != shape[axis])
          refuse(name, where + "the dimension '" + symbol + "' along axis " + llvm::Twine(axis) + ", which is " +
                           llvm::Twine(known->second.size) + " by " + known->second.flag);
    }
  }
}

void InputFlags::readConstants() {
  for (auto &[name, text] : settings.constants)
    if (isInput("--const=" + name, name))
      constants[name] = text;
}

void InputFlags::readStates() {
  for (auto &[output, input] : settings.states) {
    const std::string flag = "--state=" + output + "=" + input;
    if (!find(graph.outputs, output))
      refuse("", flag + ": the graph has no output '" + output + "'" + alternatives(output, namesOf(graph.outputs)));
    else if (!isInput(flag, input))
      continue;
    else if (isConstant(input))
      refuse(input, flag + ": input '" + input + "' has a value by --const");
    else if (!stateOf.try_emplace(input, output).second)
      refuse(input, flag + ": input '" + input + "' has a state already, of output '" + stateOf[input] + "'");
  }
}

std::optional<std::vector<int64_t>> InputFlags::sizesOf(const ValueInfo &input) const {
  if (auto given = shapes.find(input.name); given != shapes.end())
    return given->second;
  if (!input.hasShape)
    return std::nullopt;
  std::vector<int64_t> sizes;
  for (size_t axis = 0; axis < input.dims.size(); ++axis) {
    auto named = dimensions.find(input.symbols[axis]);
    sizes.push_back(input.dims[axis] >= 0 ? input.dims[axis] : named != dimensions.end() ? named->second.size : -1);
  }
  return sizes;
}

std::optional<std::vector<int64_t>> InputFlags::shapeOf(const ValueInfo &input) const {
  std::optional<std::vector<int64_t>> sizes = sizesOf(input);
  if (!sizes) {
    tell(input.name,
         "graph input '" + input.name + "' has no shape; --shape=" + input.name + "=SIZExSIZE... gives it one");
    return std::nullopt;
  }
  for (size_t axis = 0; axis < sizes->size(); ++axis)
    if ((*sizes)[axis] < 0) {
      const std::string &name = input.symbols[axis];
      tell(input.name, "graph input '" + input.name + "' has no size along axis " + llvm::Twine(axis) +
                           (name.empty() ? "; " : ", '" + name + "'; --dim=" + name + "=SIZE or ") +
                           "--shape=" + input.name + "=" + shapeText(*sizes) + " gives it one");
    }
  if (llvm::is_contained(*sizes, -1))
    return std::nullopt;
  const std::string excess = tooLarge(*sizes);
  if (excess.empty())
    return sizes;
  tell(input.name, "graph input '" + input.name + "' has " + excess);
  return std::nullopt;
}

std::optional<Tensor> InputFlags::constantOf(const ValueInfo &input, InputFiles *inputs) const {
  std::optional<std::vector<int64_t>> sizes = sizesOf(input);
  const std::string &text = constants.find(input.name)->second;
  if (llvm::StringRef(text).ends_with(".npy")) {
    look(inputs, text);
    return given(input, readConstant(input, sizes, text));
  }
  const std::vector<int64_t> asManyAsThereAre = {-1};
  if (!sizes)
    sizes = llvm::StringRef(text).contains(',') ? asManyAsThereAre : std::vector<int64_t>();
  else if (sizes != asManyAsThereAre && !(sizes = shapeOf(input)))
    return std::nullopt;
  return given(input, parseConstant(input, std::move(*sizes), text));
}

std::optional<Tensor> InputFlags::given(const ValueInfo &input, llvm::Expected<Tensor> tensor) const {
  if (tensor)
    return std::move(*tensor);
  tell(input.name, "--const=" + input.name + ": input '" + input.name + "' " + llvm::toString(tensor.takeError()));
  return std::nullopt;
}

} // namespace phic::onnx
