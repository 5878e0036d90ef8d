//===- ResizeOps.cpp - Imports Resize and Upsample -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Axis by axis: of the nearest element a gather, else phiq.resample with a table of indices and weights.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/graph/ResizeTaps.h"
#include "compiler/import/onnx/graph/WindowNode.h"
#include <cmath>

using namespace mlir;

namespace phic::onnx::graph {
namespace {

/// Sizes that a tensor may get, along one axis.
constexpr double kMostAlong = double(int64_t(1) << 26);

/// Numbers that are known when importing: scales, sizes, the region. Empty: the node has none.
FailureOr<std::vector<double>> numbersFrom(NodeImport &node, unsigned index) {
  std::vector<double> numbers;
  if (!node.has(index))
    return numbers;
  FailureOr<Value> x = tensorOf(node, index);
  if (llvm::failed(x))
    return failure();
  phiq::ConstantOp known = constantOf(*x);
  if (!known)
    return node.unsupportedInput(index, "must be known when compiling; of a graph input, --const NAME=VALUE says it");
  const Rows rows = numbersOf(known.getValue());
  for (int64_t i = 0; i < rows.size(); ++i)
    numbers.push_back(rows.number(i));
  return numbers;
}

/// What each axis of x becomes.
struct Resize {
  ResizeRule rule;
  SmallVector<ResizeAxis> axes;
};

/// One scale for all that are resized, so that x keeps its proportions and is no larger, or smaller, than the sizes.
void keepProportions(StringRef policy, ArrayRef<int64_t> resized, Resize &resize) {
  if (policy == "stretch" || resized.empty())
    return;
  double scale = resize.axes[size_t(resized.front())].scale;
  for (int64_t axis : resized) {
    const double other = resize.axes[size_t(axis)].scale;
    scale = policy == "not_larger" ? std::min(scale, other) : std::max(scale, other);
  }
  for (int64_t axis : resized) {
    ResizeAxis &along = resize.axes[size_t(axis)];
    along.scale = scale;
    along.to = int64_t(scale * double(along.from) + 0.5);
  }
}

LogicalResult setSizes(NodeImport &node, ArrayRef<int64_t> resized, ArrayRef<double> scales, ArrayRef<double> sizes,
                       ArrayRef<double> region, Resize &resize) {
  const size_t count = resized.size();
  if (scales.empty() == sizes.empty() || (sizes.empty() ? scales : sizes).size() != count)
    return node.unsupported("it must have scales or sizes, for " + llvm::Twine(count) + " axes");
  for (auto [i, axis] : llvm::enumerate(resized)) {
    ResizeAxis &along = resize.axes[size_t(axis)];
    const double to = sizes.empty() ? std::floor(scales[i] * double(along.from)) : sizes[i];
    if (!(to >= 1 && to <= kMostAlong) || along.from < 1)
      return node.unsupported("it makes " + llvm::Twine(std::to_string(to)) + " of " + llvm::Twine(along.from) +
                              " elements along axis " + llvm::Twine(axis));
    along.to = int64_t(to);
    along.scale = sizes.empty() ? scales[i] : to / double(along.from);
    if (region.size() == 2 * count) {
      along.start = region[i];
      along.end = region[count + i];
    }
  }
  return success();
}

/// The axes that the node names; all of x's where it names none.
FailureOr<SmallVector<int64_t>> resizedAxes(NodeImport &node, int64_t rank) {
  SmallVector<int64_t> axes;
  std::vector<int64_t> given = node.integers("axes");
  if (given.empty())
    axes.assign(llvm::seq(rank).begin(), llvm::seq(rank).end());
  for (int64_t found : given) {
    FailureOr<int64_t> axis = axisOf(node, found, rank, "axes");
    if (llvm::failed(axis))
      return failure();
    axes.push_back(*axis);
  }
  return axes;
}

/// Whether each element of the result is that of x with its number.
bool isIdentity(ArrayRef<ResizeTap> taps, const ResizeAxis &axis) {
  return axis.from == axis.to && llvm::all_of(llvm::enumerate(taps), [](const auto &item) {
           const ResizeTap &tap = item.value();
           return tap.indices.size() == 1 && tap.indices[0] == int64_t(item.index()) && tap.weights[0] == 1;
         });
}

Value nearest(NodeImport &node, Value x, int64_t axis, ArrayRef<ResizeTap> taps, RankedTensorType type) {
  SmallVector<int64_t> indices = llvm::map_to_vector(taps, [](const ResizeTap &tap) { return tap.indices.front(); });
  return make<phiq::GatherOp>(node, type, x, integerVector(node, indices), axis);
}

/// Taps as tables, each row as long as the longest.
Value weighted(NodeImport &node, Value x, int64_t axis, ArrayRef<ResizeTap> taps, RankedTensorType type) {
  size_t terms = 1;
  for (const ResizeTap &tap : taps)
    terms = std::max(terms, tap.indices.size());
  const SmallVector<int64_t> shape = {int64_t(taps.size()), int64_t(terms)};
  auto indexType = typeOf(node.builder.getI32Type(), shape), weightType = typeOf(node.builder.getF32Type(), shape);
  Rows indices = roomFor(indexType), weights = roomFor(weightType);
  for (auto [o, tap] : llvm::enumerate(taps))
    for (size_t t = 0; t < terms; ++t) {
      const bool has = t < tap.indices.size();
      indices.integers[o * terms + t] = has ? tap.indices[t] : tap.indices.empty() ? 0 : tap.indices.back();
      weights.values[o * terms + t] = has ? float(tap.weights[t]) : 0;
    }
  return make<phiq::ResampleOp>(node, type, x, constant(node, indices, indexType), constant(node, weights, weightType),
                                axis);
}

/// Where tf_crop_and_resize looks outside of x along the axis, `absent` in place of the value.
FailureOr<Value> withOutside(NodeImport &node, Value x, int64_t axis, ArrayRef<ResizeTap> taps, Value absent) {
  SmallVector<int64_t> shape(shapeOf(x).size() - size_t(axis), 1);
  shape[0] = int64_t(taps.size());
  auto type = typeOf(node.builder.getI1Type(), shape);
  Rows outside = roomFor(type);
  for (auto [o, tap] : llvm::enumerate(taps))
    outside.integers[o] = tap.isOutside;
  return map(node, phiq::MapFunction::Select, {constant(node, outside, type), absent, x});
}

FailureOr<Value> resized(NodeImport &node, Value x, const Resize &resize, float absent) {
  for (auto [axis, along] : llvm::enumerate(resize.axes)) {
    const std::vector<ResizeTap> taps = resizeTaps(resize.rule, along);
    const bool hasOutside = llvm::any_of(taps, [](const ResizeTap &tap) { return tap.isOutside; });
    SmallVector<int64_t> shape(shapeOf(x));
    shape[axis] = along.to;
    if (!isIdentity(taps, along))
      x = resize.rule.isNearest() ? nearest(node, x, int64_t(axis), taps, typeOf(x, shape))
                                  : weighted(node, x, int64_t(axis), taps, typeOf(x, shape));
    if (!hasOutside)
      continue;
    FailureOr<Value> selected = withOutside(node, x, int64_t(axis), taps, scalar(node, absent, elementTypeOf(x)));
    if (llvm::failed(selected))
      return failure();
    x = *selected;
  }
  return x;
}

/// Of an image, elements of all channels at once: where only spatial axes change, channels are last meanwhile.
LogicalResult giveResized(NodeImport &node, Value x, Resize resize, float absent) {
  const bool isImage = resize.axes.size() >= 3 && resize.axes[0].to == resize.axes[0].from &&
                       resize.axes[1].to == resize.axes[1].from && resize.rule.coordinates != "tf_crop_and_resize";
  if (!isImage)
    return give(node, resized(node, x, resize, absent));
  std::rotate(resize.axes.begin() + 1, resize.axes.begin() + 2, resize.axes.end());
  FailureOr<Value> result = resized(node, channelsLast(node, x), resize, absent);
  return llvm::failed(result) ? failure() : give(node, channelsFirst(node, *result));
}

/// `first` is the input with scales.
LogicalResult resizeBy(NodeImport &node, const ResizeRule &rule, std::vector<double> scales, std::vector<double> sizes,
                       std::vector<double> region) {
  const float absent = node.real("extrapolation_value", 0);
  const std::string policy = node.text("keep_aspect_ratio_policy", "stretch");
  FailureOr<Value> x = rule.isNearest() ? tensorOf(node, 0) : floatsOf(node, 0);
  if (std::string problem = rule.problem(); !problem.empty())
    return node.unsupported(problem);
  if (!llvm::is_contained({"stretch", "not_larger", "not_smaller"}, StringRef(policy)))
    return node.unsupportedAttribute("keep_aspect_ratio_policy",
                                     "must be stretch, not_larger or not_smaller, found " + policy);
  if (llvm::failed(x))
    return failure();
  Resize resize = {rule, {}};
  for (int64_t size : shapeOf(*x))
    resize.axes.push_back({size, size, 1});
  FailureOr<SmallVector<int64_t>> axes = resizedAxes(node, int64_t(resize.axes.size()));
  if (llvm::failed(axes) || llvm::failed(setSizes(node, *axes, scales, sizes, region, resize)))
    return failure();
  if (!sizes.empty())
    keepProportions(policy, *axes, resize);
  return giveResized(node, *x, std::move(resize), absent);
}

} // namespace

LogicalResult importResize(NodeImport &node) {
  const bool isFirst = node.importer.model.opset("") < 11; // without a region, and with other defaults
  ResizeRule rule;
  rule.mode = node.text("mode", "nearest");
  rule.coordinates = node.text("coordinate_transformation_mode", isFirst ? "asymmetric" : "half_pixel");
  rule.nearest = node.text("nearest_mode", isFirst ? "floor" : "round_prefer_floor");
  rule.cubicA = node.real("cubic_coeff_a", -0.75f);
  rule.excludesOutside = node.integer("exclude_outside", 0);
  rule.antialiases = node.integer("antialias", 0);
  FailureOr<std::vector<double>> none = std::vector<double>();
  auto region = isFirst ? none : numbersFrom(node, 1), scales = numbersFrom(node, isFirst ? 1 : 2);
  auto sizes = isFirst ? none : numbersFrom(node, 3);
  if (llvm::failed(region) || llvm::failed(scales) || llvm::failed(sizes))
    return failure();
  return resizeBy(node, rule, *scales, *sizes, *region);
}

LogicalResult importUpsample(NodeImport &node) {
  ResizeRule rule;
  rule.mode = node.text("mode", "nearest");
  rule.coordinates = "asymmetric";
  rule.nearest = "floor";
  std::vector<float> given = node.reals("scales");
  FailureOr<std::vector<double>> scales =
      given.empty() ? numbersFrom(node, 1)
                    : FailureOr<std::vector<double>>(std::vector<double>(given.begin(), given.end()));
  return llvm::failed(scales) ? failure() : resizeBy(node, rule, *scales, {}, {});
}

} // namespace phic::onnx::graph
