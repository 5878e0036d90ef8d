//===- Windows.h - Windows that move over a tensor -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What verifiers, the interpreter and kernels know of the ops of WindowOps.td along each axis. There are always three
// axes: those that a tensor does not have come first, with one element and a window of one place.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_WINDOWS_H
#define PHIC_DIALECTS_PHIQ_WINDOWS_H

#include "dialects/phiq/Grid.h"
#include <array>

namespace phic {

/// Window i has the places i * stride + t * dilation - before, t < kernel.
struct WindowAxis {
  int64_t size = 1, windows = 1, kernel = 1, stride = 1, dilation = 1, before = 0, after = 0;

  /// The t of window i that lie in x are [first(i), end(i)).
  int64_t first(int64_t i) const { return (std::max<int64_t>(0, before - i * stride) + dilation - 1) / dilation; }
  int64_t end(int64_t i) const { return std::min(kernel, endOf(size, i)); }
  /// The number of t that lie in x or in its pads; those before x have all.
  int64_t withPads(int64_t i) const { return std::min(kernel, endOf(size + after, i)); }

private:
  int64_t endOf(int64_t limit, int64_t i) const {
    return (std::max<int64_t>(0, limit + before - i * stride) + dilation - 1) / dilation;
  }
};

struct Windows {
  std::array<WindowAxis, 3> axes;
  int64_t batch = 1, channels = 1; ///< N, and C of x

  int64_t windows() const { return batch * axes[0].windows * axes[1].windows * axes[2].windows; }
  int64_t taps() const { return axes[0].kernel * axes[1].kernel * axes[2].kernel; }
};

Windows windowsOf(phiq::PoolOp op);
Windows windowsOf(phiq::DepthwiseOp op);
/// With x and the result exchanged: element i of x adds to the places of window i. `size` is the result's.
Windows windowsOf(phiq::ConvTransposeOp op);

/// Visits each window's places in x in order: visit(window, place in x, t), counted with the last axis innermost and
/// without channels.
void overPlaces(const Windows &windows, llvm::function_ref<void(int64_t window, int64_t place, int64_t tap)> visit);

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_WINDOWS_H
