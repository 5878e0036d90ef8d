//===- WindowLines.h - Where windows lie, in kernels -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels compute windows line by line along the last axis. Of a line, what its windows see along the other axes is known
// once; along the last one, windows whose places all lie in x need not ask.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_WINDOWLINES_H
#define PHIC_TARGETS_CPU_KERNELS_WINDOWLINES_H

#include "dialects/phiq/Windows.h"
#include "targets/code/KernelBuilder.h"

namespace phic {

/// The places of one window along one axis.
struct AxisBox {
  mlir::Value start, first, end; ///< of the first place in x; of the t
};

AxisBox boxOf(KernelBuilder &b, const WindowAxis &along, mlir::Value i);
/// How many places lie in x, or in its pads too.
mlir::Value countOf(KernelBuilder &b, const WindowAxis &along, const AxisBox &box, bool withPads);

/// The windows of one line: what they see along the first two axes.
class WindowLine {
public:
  WindowLine(const Windows &windows, KernelBuilder &b, mlir::Value line);

  using Body = llvm::function_ref<KernelBuilder::Values(mlir::Value row, mlir::Value tap, mlir::ValueRange carried)>;
  /// body(where a row of x begins, the first place of the window in it, carried), in elements without channels.
  KernelBuilder::Values over(mlir::ValueRange carried, Body body) {
    return overAxis(0, batch, b.i64(0), carried, body);
  }

  mlir::Value count(bool withPads) {
    return b.mul(countOf(b, windows.axes[0], boxes[0], withPads), countOf(b, windows.axes[1], boxes[1], withPads));
  }

private:
  KernelBuilder::Values overAxis(size_t axis, mlir::Value place, mlir::Value tap, mlir::ValueRange carried, Body body);

  const Windows &windows;
  KernelBuilder &b;
  mlir::Value batch;
  std::array<AxisBox, 2> boxes;
};

/// Windows of a line that lie in x along it, a multiple of how many are taken together.
struct Inside {
  Inside(const WindowAxis &along, int64_t together);
  int64_t first, count;
};

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_WINDOWLINES_H
