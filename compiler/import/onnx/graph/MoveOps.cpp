//===- MoveOps.cpp - Imports ops that move elements ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where an op only shows the same elements in another shape it becomes a reshape, which costs nothing:
//
//     Transpose(x [1, 80, 1, 7], perm 0 2 1 3)   ->   phiq.reshape [1, 1, 80, 7]
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/graph/Slices.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;

namespace phic::onnx::graph {
namespace {

/// Axes that an input or attribute lists, counted from the front; all of them where it is absent.
FailureOr<Sizes> listedAxes(NodeImport &node, const std::optional<std::vector<int64_t>> &given, size_t count,
                            int64_t rank) {
  Sizes axes;
  if (!given) {
    axes.resize(count);
    std::iota(axes.begin(), axes.end(), 0);
  } else {
    for (int64_t axis : *given) {
      FailureOr<int64_t> counted = axisOf(node, axis, rank);
      if (llvm::failed(counted))
        return failure();
      axes.push_back(*counted);
    }
  }
  if (axes.size() != count || int64_t(count) > rank)
    return node.unsupported("it lists " + llvm::Twine(count) + " numbers for " + llvm::Twine(axes.size()) +
                            " axes of " + llvm::Twine(rank));
  return axes;
}

/// Integers of an input, which is absent where the node has none.
FailureOr<std::optional<std::vector<int64_t>>> optionalIntegers(NodeImport &node, unsigned index) {
  if (!node.has(index))
    return std::optional<std::vector<int64_t>>();
  FailureOr<std::vector<int64_t>> found = integersOf(node, index);
  if (llvm::failed(found))
    return failure();
  return std::optional<std::vector<int64_t>>(*found);
}

/// Whether the axes that have more than one element stay in order.
bool movesNothing(ArrayRef<int64_t> shape, ArrayRef<int64_t> order) {
  int64_t last = -1;
  for (int64_t axis : order)
    if (shape[size_t(axis)] != 1) {
      if (axis < last)
        return false;
      last = axis;
    }
  return true;
}

/// ONNX's start and end, which may be negative or outside.
AxisRange rangeOf(int64_t start, int64_t end, int64_t step, int64_t size) {
  // Counted from the end, then brought to where a walk by step begins and ends at the latest.
  const int64_t least = step > 0 ? 0 : -1, most = step > 0 ? size : size - 1;
  start = std::clamp<int64_t>(start < 0 ? start + size : start, step > 0 ? 0 : std::min<int64_t>(0, most), most);
  end = std::clamp<int64_t>(end < 0 ? end + size : end, least, most);
  const int64_t way = step > 0 ? end - start : start - end;
  if (way <= 0)
    return {};
  // Steps of more than the axis have one element; they may be as large as a number gets.
  const int64_t stride = step == INT64_MIN ? INT64_MAX : std::abs(step);
  const int64_t count = way / stride + (way % stride != 0);
  return {start, count == 1 ? 1 : step, count};
}

} // namespace

LogicalResult requireRoom(NodeImport &node, ArrayRef<int64_t> shape, int64_t most) {
  int64_t elements = 1;
  for (int64_t size : shape)
    if (size < 0 || llvm::MulOverflow(elements, size, elements) || elements > most)
      return node.unsupported("its result has more than " + llvm::Twine(most) + " elements, or a size below 0");
  return success();
}

Value slice(NodeImport &node, Value x, ArrayRef<AxisRange> ranges) {
  Sizes starts, steps, shape;
  for (const AxisRange &range : ranges) {
    starts.push_back(range.start);
    steps.push_back(range.step);
    shape.push_back(range.count);
  }
  const bool isWhole = shapeOf(x) == ArrayRef(shape) && llvm::all_of(steps, [](int64_t step) { return step == 1; });
  return isWhole ? x : make<phiq::SliceOp>(node, typeOf(x, shape), x, starts, steps);
}

SmallVector<AxisRange> wholeOf(Value x) {
  return llvm::map_to_vector(shapeOf(x), [](int64_t size) { return AxisRange{0, 1, size}; });
}

FailureOr<Value> concatenated(NodeImport &node, ValueRange xs, int64_t given) {
  Sizes shape(shapeOf(xs.front()));
  FailureOr<int64_t> axis = axisOf(node, given, int64_t(shape.size()));
  if (llvm::failed(axis))
    return failure();
  int64_t &size = shape[size_t(*axis)];
  size = 0;
  for (auto [i, x] : llvm::enumerate(xs)) {
    Sizes rest(shapeOf(x));
    if (rest.size() == shape.size()) {
      size += rest[size_t(*axis)];
      rest[size_t(*axis)] = size;
    }
    if (rest != shape || elementTypeOf(x) != elementTypeOf(xs.front()))
      return node.unsupported("its tensors must be of one type, and of one shape but for axis " + llvm::Twine(*axis) +
                              "; tensor " + llvm::Twine(i) + " is not");
  }
  if (llvm::failed(requireRoom(node, shape)))
    return failure();
  return xs.size() == 1 ? xs.front() : make<phiq::ConcatOp>(node, typeOf(xs.front(), shape), xs, *axis);
}

LogicalResult importTranspose(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  std::vector<int64_t> order = node.integers("perm");
  if (llvm::failed(x))
    return failure();
  ArrayRef<int64_t> from = shapeOf(*x);
  if (order.empty()) {
    order.resize(from.size());
    std::iota(order.rbegin(), order.rend(), 0);
  }
  std::vector<int64_t> sorted = order;
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, int64_t(from.size()))))
    return node.unsupportedAttribute("perm", "must list each of " + llvm::Twine(from.size()) + " axes once");
  Sizes shape = llvm::map_to_vector(order, [&](int64_t axis) { return from[size_t(axis)]; });
  if (movesNothing(from, order))
    return give(node, reshape(node, *x, shape));
  return give(node, make<phiq::PermuteOp>(node, typeOf(*x, shape), *x, order));
}

LogicalResult importSlice(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  if (llvm::failed(x))
    return failure();
  std::optional<std::vector<int64_t>> starts, ends, axes, steps;
  if (node.has(1)) {
    std::optional<std::vector<int64_t>> *lists[] = {&starts, &ends, &axes, &steps};
    for (unsigned i = 0; i < 4; ++i) {
      auto list = optionalIntegers(node, i + 1);
      if (llvm::failed(list))
        return failure();
      *lists[i] = *list;
    }
  } else { // before operator set 10
    starts = node.integers("starts");
    ends = node.integers("ends");
    if (node.attribute("axes"))
      axes = node.integers("axes");
  }
  if (!starts || !ends || starts->size() != ends->size() || (steps && steps->size() != starts->size()))
    return node.unsupported("its starts, ends and steps must be as many");
  FailureOr<Sizes> along = listedAxes(node, axes, starts->size(), int64_t(shapeOf(*x).size()));
  if (llvm::failed(along))
    return failure();
  SmallVector<AxisRange> ranges = wholeOf(*x);
  for (auto [i, axis] : llvm::enumerate(*along)) {
    const int64_t step = steps ? (*steps)[i] : 1;
    if (step == 0)
      return node.unsupportedInput(4, "(steps) has a 0");
    ranges[size_t(axis)] = rangeOf((*starts)[i], (*ends)[i], step, shapeOf(*x)[size_t(axis)]);
  }
  return give(node, slice(node, *x, ranges));
}

/// Sizes from an input, before operator set 13 an attribute; else equal parts, from 18 on the last one smaller.
LogicalResult importSplit(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  FailureOr<std::optional<std::vector<int64_t>>> given = optionalIntegers(node, 1);
  if (llvm::failed(x) || llvm::failed(given))
    return failure();
  FailureOr<int64_t> axis = axisOf(node, node.integer("axis", 0), int64_t(shapeOf(*x).size()));
  if (llvm::failed(axis))
    return failure();
  const int64_t size = shapeOf(*x)[size_t(*axis)], outputs = int64_t(node.node.outputs.size());
  const int64_t parts = node.integer("num_outputs", outputs);
  std::vector<int64_t> sizes = *given ? **given : node.integers("split");
  if (sizes.empty()) {
    const int64_t each = (size + outputs - 1) / outputs;
    for (int64_t i = 0; i < outputs; ++i)
      sizes.push_back(std::clamp<int64_t>(size - i * each, 0, each));
    if (!node.attribute("num_outputs") && size % outputs)
      return node.unsupported("it cannot make " + llvm::Twine(outputs) + " equal parts of " + llvm::Twine(size));
  }
  if (parts != outputs || int64_t(sizes.size()) != outputs || llvm::any_of(sizes, [](int64_t n) { return n < 0; }) ||
      llvm::any_of(sizes, [&](int64_t n) { return n > size; }) ||
      std::accumulate(sizes.begin(), sizes.end(), int64_t(0)) != size)
    return node.unsupported("its " + llvm::Twine(outputs) + " parts must add up to " + llvm::Twine(size));
  int64_t at = 0;
  for (auto [i, count] : llvm::enumerate(sizes)) {
    SmallVector<AxisRange> ranges = wholeOf(*x);
    ranges[size_t(*axis)] = {at, 1, count};
    at += count;
    (void)give(node, slice(node, *x, ranges), unsigned(i));
  }
  return success();
}

LogicalResult importConcat(NodeImport &node) {
  SmallVector<Value> xs;
  for (unsigned i = 0; i < node.node.inputs.size(); ++i) {
    FailureOr<Value> x = tensorOf(node, i);
    if (llvm::failed(x))
      return failure();
    xs.push_back(*x);
  }
  if (xs.empty())
    return node.unsupported("it has no input");
  return give(node, concatenated(node, xs, node.integer("axis", 1)));
}

/// Both the shape and x are broadcast.
LogicalResult importExpand(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  FailureOr<std::vector<int64_t>> to = integersOf(node, 1);
  if (llvm::failed(x) || llvm::failed(to) || llvm::failed(requireRoom(node, *to)))
    return failure();
  ArrayRef<int64_t> from = shapeOf(*x);
  Sizes shape(to->begin(), to->end());
  if (shape.size() < from.size())
    shape.insert(shape.begin(), from.size() - shape.size(), 1);
  for (auto [axis, size] : llvm::enumerate(from)) {
    int64_t &wanted = shape[shape.size() - from.size() + axis];
    if (wanted != size && wanted != 1 && size != 1)
      return node.unsupportedInput(1, "(shape) does not broadcast with axis " + llvm::Twine(axis) + " of " +
                                          llvm::Twine(size));
    wanted = wanted == 1 ? size : wanted;
  }
  if (llvm::failed(requireRoom(node, shape)))
    return failure();
  return give(node, from == ArrayRef(shape) ? *x : make<phiq::BroadcastOp>(node, typeOf(*x, shape), *x));
}

/// An axis of size n repeated r times is an axis [r, n], broadcast from [1, n].
LogicalResult importTile(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  FailureOr<std::vector<int64_t>> repeats = integersOf(node, 1);
  if (llvm::failed(x) || llvm::failed(repeats))
    return failure();
  ArrayRef<int64_t> from = shapeOf(*x);
  if (repeats->size() != from.size())
    return node.unsupportedInput(1, "(repeats) must be one for each of " + llvm::Twine(from.size()) + " axes");
  Sizes once, many, shape;
  for (auto [size, count] : llvm::zip(from, *repeats)) {
    once.append({1, size});
    many.append({count, size});
  }
  if (llvm::failed(requireRoom(node, many)))
    return failure();
  for (auto [size, count] : llvm::zip(from, *repeats))
    shape.push_back(size * count);
  if (ArrayRef(shape) == from)
    return give(node, *x);
  Value wide = make<phiq::BroadcastOp>(node, typeOf(*x, many), reshape(node, *x, once));
  return give(node, reshape(node, wide, shape));
}

namespace {

/// What Pad adds before and after each axis, from an input or, before operator set 11, an attribute.
FailureOr<std::pair<Sizes, Sizes>> padsOf(NodeImport &node, int64_t rank) {
  std::vector<int64_t> pads;
  std::optional<std::vector<int64_t>> given;
  if (!node.has(1)) {
    pads = node.integers("pads");
  } else {
    FailureOr<std::vector<int64_t>> found = integersOf(node, 1);
    auto listed = optionalIntegers(node, 3);
    if (llvm::failed(found) || llvm::failed(listed))
      return failure();
    pads = *found;
    given = *listed;
  }
  FailureOr<Sizes> axes = listedAxes(node, given, pads.size() / 2, rank);
  if (llvm::failed(axes))
    return failure();
  if (pads.size() % 2 || (!given && int64_t(axes->size()) != rank) ||
      llvm::any_of(pads, [](int64_t pad) { return pad < -INT32_MAX || pad > INT32_MAX; }))
    return node.unsupported("its pads must be two 32-bit numbers an axis");
  std::pair<Sizes, Sizes> result(Sizes(size_t(rank), 0), Sizes(size_t(rank), 0));
  for (auto [i, axis] : llvm::enumerate(*axes)) {
    result.first[size_t(axis)] = pads[i];
    result.second[size_t(axis)] = pads[axes->size() + i];
  }
  return result;
}

/// The number around a constant Pad's input, of rank 0.
FailureOr<Value> padValue(NodeImport &node, Type element) {
  if (!node.has(2))
    return scalar(node, node.real("value", 0), element);
  FailureOr<Value> value = tensorOf(node, 2);
  if (llvm::succeeded(value) &&
      (elementTypeOf(*value) != element || cast<ShapedType>(value->getType()).getNumElements() != 1))
    return node.unsupportedInput(2, "must be one number of input 0's type");
  return llvm::failed(value) ? value : reshape(node, *value, {});
}

} // namespace

/// Negative pads cut.
LogicalResult importPad(NodeImport &node) {
  FailureOr<Value> x = tensorOf(node, 0);
  const std::string name = node.text("mode", "constant");
  const std::optional<phiq::PadMode> mode = phiq::symbolizePadMode(name);
  if (!mode)
    return node.unsupportedAttribute("mode", "must be constant, edge, reflect or wrap, found " + name);
  if (llvm::failed(x))
    return failure();
  FailureOr<std::pair<Sizes, Sizes>> pads = padsOf(node, int64_t(shapeOf(*x).size()));
  Value around;
  if (*mode == phiq::PadMode::Constant) {
    FailureOr<Value> value = padValue(node, elementTypeOf(*x));
    if (llvm::failed(value))
      return failure();
    around = *value;
  }
  if (llvm::failed(pads))
    return failure();
  SmallVector<AxisRange> kept = wholeOf(*x);
  Sizes before, shape;
  for (auto [axis, range] : llvm::enumerate(kept)) {
    const int64_t low = pads->first[axis], high = pads->second[axis];
    range.start = std::clamp<int64_t>(-low, 0, range.count);
    range.count = std::max<int64_t>(range.count - range.start - std::max<int64_t>(-high, 0), 0);
    before.push_back(std::max<int64_t>(low, 0));
    shape.push_back(range.count + before.back() + std::max<int64_t>(high, 0));
    if (*mode != phiq::PadMode::Constant && range.count == 0 && shape.back() > 0)
      return node.unsupported("there is nothing along axis " + llvm::Twine(axis) + " to pad with");
  }
  if (llvm::failed(requireRoom(node, shape)))
    return failure();
  Value inside = slice(node, *x, kept);
  if (shapeOf(inside) == ArrayRef(shape))
    return give(node, inside);
  return give(node, make<phiq::PadOp>(node, typeOf(*x, shape), inside, around, before, *mode));
}

} // namespace phic::onnx::graph
