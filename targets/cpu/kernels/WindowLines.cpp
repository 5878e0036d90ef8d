//===- WindowLines.cpp - Where windows lie, in kernels ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/cpu/kernels/WindowLines.h"

using namespace mlir;

namespace phic {
namespace {

/// Of the t of a window the number whose distance from it is less than `distance`.
Value timesUntil(KernelBuilder &b, Value distance, const WindowAxis &along) {
  Value times = b.divide(b.add(b.maximum(distance, b.i64(0)), along.dilation - 1), along.dilation);
  return b.minimum(b.i64(along.kernel), times);
}

/// The first t whose place is `limit` or more.
Value endAt(KernelBuilder &b, const WindowAxis &along, Value start, int64_t limit) {
  const int64_t last = (along.windows - 1) * along.stride - along.before + (along.kernel - 1) * along.dilation;
  return last < limit ? b.i64(along.kernel) : timesUntil(b, b.sub(b.i64(limit), start), along);
}

} // namespace

AxisBox boxOf(KernelBuilder &b, const WindowAxis &along, Value i) {
  Value start = b.add(b.mul(i, along.stride), -along.before);
  Value first = along.before == 0 ? b.i64(0) : timesUntil(b, b.sub(b.i64(0), start), along);
  return {start, first, endAt(b, along, start, along.size)};
}

Value countOf(KernelBuilder &b, const WindowAxis &along, const AxisBox &box, bool withPads) {
  return withPads ? endAt(b, along, box.start, along.size + along.after) : b.sub(box.end, box.first);
}

WindowLine::WindowLine(const Windows &windows, KernelBuilder &b, Value line) : windows(windows), b(b) {
  Value rest = line;
  for (size_t axis = 2; axis-- > 0;) {
    const int64_t count = windows.axes[axis].windows;
    Value next = count == 1 ? rest : b.divide(rest, count);
    boxes[axis] = boxOf(b, windows.axes[axis], count == 1 ? b.i64(0) : b.sub(rest, b.mul(next, count)));
    rest = next;
  }
  batch = rest;
}

KernelBuilder::Values WindowLine::overAxis(size_t axis, Value place, Value tap, ValueRange carried, Body body) {
  const WindowAxis &along = windows.axes[axis];
  if (axis == 2)
    return body(b.mul(place, along.size), b.mul(tap, along.kernel), carried);
  auto visit = [&](Value t, ValueRange carried) {
    Value at = b.add(boxes[axis].start, b.mul(t, along.dilation));
    return overAxis(axis + 1, b.add(b.mul(place, along.size), at), b.add(b.mul(tap, along.kernel), t), carried, body);
  };
  return along.kernel == 1 ? visit(b.i64(0), carried) : b.loop(boxes[axis].first, boxes[axis].end, 1, carried, visit);
}

Inside::Inside(const WindowAxis &along, int64_t together) {
  const int64_t room = along.size - 1 - (along.kernel - 1) * along.dilation + along.before;
  const int64_t end = room < 0 ? 0 : std::min(along.windows, room / along.stride + 1);
  first = std::min(along.windows, (along.before + along.stride - 1) / along.stride);
  count = std::max<int64_t>(0, end - first) / together * together;
}

} // namespace phic
