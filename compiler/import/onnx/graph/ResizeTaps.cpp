//===- ResizeTaps.cpp - What a Resize takes along an axis ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/graph/ResizeTaps.h"
#include <algorithm>
#include <cmath>

namespace phic::onnx::graph {
namespace {

/// The place in x of element o of the result.
double placeOf(const ResizeRule &rule, const ResizeAxis &axis, int64_t o) {
  const double from = double(axis.from), width = axis.scale * from, center = double(o) + 0.5;
  const std::string &mode = rule.coordinates;
  if (mode == "asymmetric")
    return double(o) / axis.scale;
  if (mode == "align_corners")
    return width == 1 ? 0 : double(o) * (from - 1) / (width - 1);
  if (mode == "pytorch_half_pixel")
    return width == 1 ? -0.5 : center / axis.scale - 0.5;
  if (mode == "tf_crop_and_resize") {
    const double length = (axis.end - axis.start) * (from - 1);
    return axis.start * (from - 1) + (width == 1 ? length / 2 : double(o) * length / (width - 1));
  }
  const double half = center / axis.scale - 0.5;
  return mode == "half_pixel_symmetric" ? half + from / 2 * (1 - double(axis.to) / width) : half;
}

double nearestTo(const std::string &mode, double place) {
  if (mode == "floor")
    return std::floor(place);
  if (mode == "ceil")
    return std::ceil(place);
  return mode == "round_prefer_ceil" ? std::floor(place + 0.5) : std::ceil(place - 0.5);
}

double linearWeight(double distance) { return std::max(0.0, 1 - std::fabs(distance)); }

double cubicWeight(double a, double distance) {
  const double x = std::fabs(distance);
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0;
}

/// All of the filter's support around the place; x goes on beyond its ends with its first and last element.
ResizeTap filtered(const ResizeRule &rule, const ResizeAxis &axis, double place) {
  const double shrink = rule.antialiases ? std::min(axis.scale, 1.0) : 1;
  const double radius = (rule.mode == "linear" ? 1 : 2) / shrink;
  ResizeTap tap;
  double sum = 0;
  for (auto index = int64_t(std::floor(place - radius)); double(index) <= place + radius; ++index) {
    const double distance = (double(index) - place) * shrink;
    double weight = rule.mode == "linear" ? linearWeight(distance) : cubicWeight(rule.cubicA, distance);
    const int64_t inside = std::clamp<int64_t>(index, 0, axis.from - 1);
    if (weight == 0 || (rule.excludesOutside && inside != index))
      continue;
    sum += weight;
    if (!tap.indices.empty() && tap.indices.back() == inside)
      tap.weights.back() += weight;
    else {
      tap.indices.push_back(inside);
      tap.weights.push_back(weight);
    }
  }
  if (rule.antialiases || rule.excludesOutside)
    for (double &weight : tap.weights)
      weight /= sum;
  return tap;
}

} // namespace

std::string ResizeRule::problem() const {
  auto isOf = [](const std::string &word, std::initializer_list<const char *> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if (!isOf(mode, {"nearest", "linear", "cubic"}))
    return "mode must be nearest, linear or cubic, found " + mode;
  if (!isOf(coordinates, {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
                          "tf_crop_and_resize"}))
    return "coordinate_transformation_mode " + coordinates + " is not supported";
  if (!isOf(nearest, {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}))
    return "nearest_mode " + nearest + " is not supported";
  return "";
}

std::vector<ResizeTap> resizeTaps(const ResizeRule &rule, const ResizeAxis &axis) {
  std::vector<ResizeTap> taps;
  for (int64_t o = 0; o < axis.to; ++o) {
    // No further out than any filter reaches.
    const double place = std::clamp(placeOf(rule, axis, o), -0x1p40, 0x1p40);
    ResizeTap tap;
    if (rule.isNearest())
      tap = {{std::clamp<int64_t>(int64_t(nearestTo(rule.nearest, place)), 0, axis.from - 1)}, {1}};
    else
      tap = filtered(rule, axis, place);
    tap.isOutside = rule.coordinates == "tf_crop_and_resize" && (place < 0 || place > double(axis.from - 1));
    taps.push_back(std::move(tap));
  }
  return taps;
}

} // namespace phic::onnx::graph
