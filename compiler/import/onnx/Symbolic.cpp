//===- Symbolic.cpp - Integers that depend on the sequence -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/onnx/Symbolic.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <optional>

namespace phic::onnx {
namespace {

using Kind = Symbolic::Kind;

/// Shapes and positions are short; longer is data, not bookkeeping.
constexpr size_t kMaxValues = 1024;

llvm::Error unknown(const std::string &why) { return llvm::createStringError(llvm::inconvertibleErrorCode(), why); }

/// a + factor * b, unless it overflows or would need two thresholds.
std::optional<Affine> addScaled(const Affine &a, const Affine &b, int64_t factor) {
  Affine sum;
  auto add = [&](int64_t x, int64_t y, int64_t &into) {
    int64_t product;
    return !llvm::MulOverflow(y, factor, product) && !llvm::AddOverflow(x, product, into);
  };
  if (!add(a.constant, b.constant, sum.constant) || !add(a.seq, b.seq, sum.seq) || !add(a.past, b.past, sum.past) ||
      !add(a.step, b.step, sum.step) || (a.step && b.step && a.threshold != b.threshold))
    return std::nullopt;
  sum.threshold = !sum.step ? 0 : a.step ? a.threshold : b.threshold;
  return sum;
}

/// 1 if x > 0 else 0.
std::optional<Affine> isPositive(const Affine &x) {
  if (x.isConstant())
    return Affine{x.constant > 0};
  if (x.step || x.seq != x.past)
    return std::nullopt;
  if (x.seq == 1 && x.constant > INT64_MIN) // total + c > 0
    return Affine{0, 0, 0, 1, -x.constant};
  if (x.seq == -1 && x.constant > INT64_MIN) // c - total > 0: not (total > c - 1)
    return Affine{1, 0, 0, -1, x.constant - 1};
  return std::nullopt;
}

using Combine = std::optional<Affine> (*)(const Affine &, const Affine &);

/// Elementwise with ONNX's broadcasting, as far as one operand is a single value or shapes are equal.
llvm::Expected<Symbolic> elementwise(const Symbolic &a, const Symbolic &b, Combine combine) {
  if (a.kind != Kind::Values || b.kind != Kind::Values)
    return unknown("needs the elements of " + (a.kind != Kind::Values ? a : b).str());
  if (a.shape != b.shape && !a.single() && !b.single())
    return unknown("shapes of " + a.str() + " and " + b.str() + " differ");
  Symbolic result;
  result.shape = a.shape.size() >= b.shape.size() && (b.single() || a.shape == b.shape) ? a.shape : b.shape;
  if (a.single() && b.single() && b.shape.size() > a.shape.size())
    result.shape = b.shape;
  for (size_t i = 0, n = std::max(a.values.size(), b.values.size()); i < n; ++i) {
    auto value = combine(a.values[a.single() ? 0 : i], b.values[b.single() ? 0 : i]);
    if (!value)
      return unknown(a.str() + " with " + b.str() + " is not affine in the sequence's lengths");
    result.values.push_back(*value);
  }
  return result;
}

/// A ramp plus or minus a single value starts elsewhere.
llvm::Expected<Symbolic> shiftRamp(const Symbolic &ramp, const Symbolic &by, int64_t factor) {
  const Affine *value = by.single();
  auto first = value ? addScaled(ramp.values[0], *value, factor) : std::nullopt;
  if (!first)
    return unknown("positions can only be shifted by one value, found " + by.str());
  Symbolic result = ramp;
  result.values[0] = *first;
  return result;
}

bool normalizeAxis(int64_t &axis, size_t rank) {
  if (axis < 0)
    axis += int64_t(rank);
  return axis >= 0 && axis < int64_t(rank);
}

/// The axes of `rank` that a reduction removes; nothing when one is out of range.
std::optional<std::vector<bool>> reducedAxes(llvm::ArrayRef<int64_t> axes, size_t rank) {
  std::vector<bool> reduced(rank, axes.empty());
  for (int64_t axis : axes) {
    if (!normalizeAxis(axis, rank))
      return std::nullopt;
    reduced[axis] = true;
  }
  return reduced;
}

/// All axes but those of extent 1 must go: then one value is left.
llvm::Expected<Symbolic> reduceToOne(const Symbolic &x, llvm::ArrayRef<int64_t> axes, bool keepDims, Affine value) {
  auto reduced = reducedAxes(axes, x.shape.size());
  if (!reduced)
    return unknown("axes are out of range");
  Symbolic result = Symbolic::scalar(value);
  for (auto [dim, gone] : llvm::zip(x.shape, *reduced)) {
    if (!gone && dim != Affine{1})
      return unknown("reduces only some axes of " + x.str());
    if (keepDims || !gone)
      result.shape.push_back({1});
  }
  return result;
}

} // namespace

std::string Affine::str() const {
  std::string text;
  auto term = [&](int64_t factor, const std::string &name) {
    if (!factor)
      return;
    text += text.empty() ? (factor < 0 ? "-" : "") : factor < 0 ? " - " : " + ";
    std::string size = factor == INT64_MIN ? "9223372036854775808" : std::to_string(std::abs(factor));
    text += name.empty() ? size : size == "1" ? name : size + " * " + name;
  };
  term(past, "past");
  term(seq, "seq");
  term(step, "[past + seq > " + std::to_string(threshold) + "]");
  term(constant, "");
  return text.empty() ? "0" : text;
}

std::string Symbolic::str() const {
  if (kind == Kind::Ones)
    return "the attention mask";
  if (kind == Kind::Ramp)
    return "positions from " + values[0].str();
  std::string text;
  for (const Affine &value : llvm::ArrayRef(values).take_front(8))
    text += (text.empty() ? "" : ", ") + value.str();
  return "[" + text + (values.size() > 8 ? ", ...]" : "]");
}

Symbolic Symbolic::vector(std::vector<Affine> values) {
  Symbolic result;
  result.shape = {{int64_t(values.size())}};
  result.values = std::move(values);
  return result;
}

llvm::Expected<Symbolic> symbolicAdd(const Symbolic &a, const Symbolic &b) {
  if (a.kind == Kind::Ramp)
    return shiftRamp(a, b, 1);
  if (b.kind == Kind::Ramp)
    return shiftRamp(b, a, 1);
  return elementwise(a, b, [](const Affine &x, const Affine &y) { return addScaled(x, y, 1); });
}

llvm::Expected<Symbolic> symbolicSub(const Symbolic &a, const Symbolic &b) {
  if (a.kind == Kind::Ramp)
    return shiftRamp(a, b, -1);
  return elementwise(a, b, [](const Affine &x, const Affine &y) { return addScaled(x, y, -1); });
}

llvm::Expected<Symbolic> symbolicMul(const Symbolic &a, const Symbolic &b) {
  return elementwise(a, b, [](const Affine &x, const Affine &y) -> std::optional<Affine> {
    if (y.isConstant())
      return addScaled({}, x, y.constant);
    return x.isConstant() ? addScaled({}, y, x.constant) : std::nullopt;
  });
}

llvm::Expected<Symbolic> symbolicGreater(const Symbolic &a, const Symbolic &b, bool orEqual) {
  auto strict = [](const Affine &x, const Affine &y) -> std::optional<Affine> {
    auto difference = addScaled(x, y, -1);
    return difference ? isPositive(*difference) : std::nullopt;
  };
  auto loose = [](const Affine &x, const Affine &y) -> std::optional<Affine> { // x - y >= 0: x - y + 1 > 0
    auto difference = addScaled(x, y, -1);
    auto next = difference ? addScaled(*difference, {1}, 1) : std::nullopt;
    return next ? isPositive(*next) : std::nullopt;
  };
  return orEqual ? elementwise(a, b, loose) : elementwise(a, b, strict);
}

llvm::Expected<Symbolic> symbolicReduceSum(const Symbolic &x, llvm::ArrayRef<int64_t> axes, bool keepDims) {
  if (x.kind == Kind::Ramp)
    return unknown("sums positions");
  if (x.kind == Kind::Ones) // as many as the last axis is long; the first has length 1
    return reduceToOne(x, axes, keepDims, x.shape.back());
  Affine sum;
  for (const Affine &value : x.values) {
    auto next = addScaled(sum, value, 1);
    if (!next)
      return unknown("the sum of " + x.str() + " is not affine");
    sum = *next;
  }
  return reduceToOne(x, axes, keepDims, sum);
}

llvm::Expected<Symbolic> symbolicReduceMax(const Symbolic &x, llvm::ArrayRef<int64_t> axes, bool keepDims) {
  if (const Affine *value = x.single())
    return reduceToOne(x, axes, keepDims, *value);
  if (x.kind == Kind::Ones)
    return reduceToOne(x, axes, keepDims, {1});
  if (x.kind != Kind::Ramp)
    return unknown("the maximum of " + x.str() + " is not known");
  auto last = addScaled(x.values[0], x.shape.back(), 1);
  last = last ? addScaled(*last, {1}, -1) : std::nullopt;
  if (!last)
    return unknown("the maximum of " + x.str() + " is not affine");
  return reduceToOne(x, axes, keepDims, *last);
}

llvm::Expected<Symbolic> symbolicShape(llvm::ArrayRef<Affine> shape, int64_t start, int64_t end) {
  return symbolicSlice(Symbolic::vector(shape.vec()), start, end);
}

llvm::Expected<Symbolic> symbolicSlice(const Symbolic &x, int64_t start, int64_t end) {
  if (x.kind != Kind::Values || x.shape.size() != 1)
    return unknown("slices " + x.str());
  int64_t size = int64_t(x.values.size());
  auto clamp = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size); };
  start = clamp(start);
  end = std::max(start, clamp(end));
  return Symbolic::vector({x.values.begin() + start, x.values.begin() + end});
}

llvm::Expected<Symbolic> symbolicGather(const Symbolic &x, const Symbolic &indices, int64_t axis) {
  if (x.kind != Kind::Values || x.shape.size() != 1 || indices.kind != Kind::Values || (axis != 0 && axis != -1))
    return unknown("picks from " + x.str());
  Symbolic result;
  result.shape = indices.shape;
  for (const Affine &index : indices.values) {
    int64_t at = index.constant;
    if (!index.isConstant() || !normalizeAxis(at, x.values.size()))
      return unknown("picks element " + index.str() + " of " + x.str());
    result.values.push_back(x.values[at]);
  }
  return result;
}

llvm::Expected<Symbolic> symbolicConcat(llvm::ArrayRef<Symbolic> parts) {
  std::vector<Affine> values;
  for (const Symbolic &part : parts) {
    if (part.kind != Kind::Values || part.shape.size() != 1 || values.size() + part.values.size() > kMaxValues)
      return unknown("joins " + part.str());
    values.insert(values.end(), part.values.begin(), part.values.end());
  }
  return Symbolic::vector(std::move(values));
}

llvm::Expected<Symbolic> symbolicRange(const Symbolic &start, const Symbolic &limit, const Symbolic &delta) {
  const Affine *first = start.single(), *last = limit.single(), *by = delta.single();
  if (!first || !last || !by || *by != Affine{1})
    return unknown("only ranges of step 1 between single values are known");
  auto length = addScaled(*last, *first, -1);
  if (!length)
    return unknown("the range's length is not affine");
  if (!length->isConstant())
    return Symbolic{Kind::Ramp, {*length}, {*first}};
  if (length->constant > int64_t(kMaxValues))
    return unknown("the range is too long");
  std::vector<Affine> values;
  for (int64_t i = 0; i < length->constant; ++i) {
    auto value = addScaled(*first, {i}, 1);
    if (!value)
      return unknown("the range overflows");
    values.push_back(*value);
  }
  return Symbolic::vector(std::move(values));
}

llvm::Expected<Symbolic> symbolicUnsqueeze(const Symbolic &x, llvm::ArrayRef<int64_t> axes) {
  size_t rank = x.shape.size() + axes.size();
  auto added = reducedAxes(axes, rank);
  if (axes.empty() || rank > 8 || !added || size_t(llvm::count(*added, true)) != axes.size())
    return unknown("axes are out of range");
  if (x.kind != Kind::Values && added->back())
    return unknown("adds an axis after the sequence");
  Symbolic result = x;
  result.shape.clear();
  for (size_t i = 0, from = 0; i < rank; ++i)
    result.shape.push_back((*added)[i] ? Affine{1} : x.shape[from++]);
  return result;
}

llvm::Expected<Symbolic> symbolicSqueeze(const Symbolic &x, llvm::ArrayRef<int64_t> axes) {
  auto removed = reducedAxes(axes, x.shape.size());
  if (!removed)
    return unknown("axes are out of range");
  Symbolic result = x;
  result.shape.clear();
  for (auto [dim, gone] : llvm::zip(x.shape, *removed)) {
    if (gone && dim != Affine{1} && !axes.empty())
      return unknown("removes an axis of length " + dim.str());
    if (!gone || dim != Affine{1})
      result.shape.push_back(dim);
  }
  if (x.kind != Kind::Values && result.shape.empty())
    return unknown("removes the sequence's axis");
  return result;
}

/// Shapes of one sequence: all 1 but the last axis.
llvm::Expected<Symbolic> symbolicReshape(const Symbolic &x, const Symbolic &shape) {
  if (shape.kind != Kind::Values || shape.shape.size() != 1 || shape.values.size() > 8)
    return unknown("the new shape " + shape.str() + " is not known");
  Symbolic result = x;
  result.shape = shape.values;
  if (x.kind != Kind::Values) { // 0 keeps an axis, -1 is what is left
    for (size_t i = 0; i < result.shape.size(); ++i) {
      bool last = i + 1 == result.shape.size();
      Affine &dim = result.shape[i];
      if (last && (dim == Affine{-1} || (dim == Affine{} && i + 1 == x.shape.size())))
        dim = x.shape.back();
      if (dim == Affine{} && i < x.shape.size())
        dim = x.shape[i];
      if (last ? dim != x.shape.back() : dim != Affine{1})
        return unknown("reshapes " + x.str() + " to " + shape.str());
    }
    return result.shape.empty() ? llvm::Expected<Symbolic>(unknown("reshapes a sequence to a scalar")) : result;
  }
  int64_t known = 1, *open = nullptr;
  for (size_t i = 0; i < result.shape.size(); ++i) {
    Affine &dim = result.shape[i];
    if (dim == Affine{} && i < x.shape.size())
      dim = x.shape[i];
    if (dim == Affine{-1} && !open)
      open = &dim.constant;
    else if (!dim.isConstant() || dim.constant < 1 || llvm::MulOverflow(known, dim.constant, known))
      return unknown("the new shape " + shape.str() + " is not known");
  }
  if (open)
    known *= *open = int64_t(x.values.size()) / known;
  if (known != int64_t(x.values.size()))
    return unknown("reshapes " + x.str() + " to " + shape.str());
  return result;
}

} // namespace phic::onnx
