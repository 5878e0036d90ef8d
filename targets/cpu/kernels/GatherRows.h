//===- GatherRows.h - Rows of a window as words ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row that a contraction multiplies is a row of a tensor, or what one place of a window sees of a tensor with channels
// last: for each row of the kernel a run of neighbouring pixels, or one pixel where the kernel is dilated. Of some rows,
// the elements [k, k + length) are copied run by run into scratch memory, in the form that the register tiles take.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_GATHERROWS_H
#define PHIC_TARGETS_CPU_KERNELS_GATHERROWS_H

#include "targets/code/KernelBuilder.h"
#include <array>
#include <optional>

namespace phic {

/// What a word of 32 bits of a row holds: one f32, two s16, or four bytes.
enum class WordKind : uint8_t { F32, S16, Bytes };
constexpr int64_t elementsOf(WordKind kind) { return kind == WordKind::F32 ? 1 : kind == WordKind::S16 ? 2 : 4; }

/// Words of a row that are gathered at a time, and the distance of two rows of them: not a power of two, so that rows
/// do not meet in the cache.
inline constexpr int64_t kChunkWords = 256, kWordRowBytes = 4 * kChunkWords + 64;

/// Places of a window over a tensor [images, height, width, channels]; pairs are of height and width.
struct WindowShape {
  int64_t height = 1, width = 1, channels = 1;
  std::array<int64_t, 2> result{1, 1}, kernel{1, 1}, strides{1, 1}, pads{0, 0}, dilations{1, 1}; ///< pads: before
  bool operator==(const WindowShape &) const = default;

  /// Pixels that a run has, and runs of a row of the kernel.
  int64_t runPixels() const { return dilations[1] == 1 ? kernel[1] : 1; }
  int64_t runsPerRow() const { return kernel[1] / runPixels(); }
  /// Whether some window reaches out of the tensor.
  bool readsPads() const;
};

struct RowSource {
  enum class Element : uint8_t { F32, U8, S8 };
  Element element = Element::F32;
  int64_t rowBytes = 0; ///< distance of two rows, without a window
  std::optional<WindowShape> window; ///< over a dense tensor

  int64_t elementBytes() const { return element == Element::F32 ? 4 : 1; }
};

/// The rows and elements to gather.
struct GatherCall {
  mlir::Value base, row, count, k, length;
  mlir::Value zero; ///< i32, taken off each code as it becomes an s16; null: 0
  mlir::Value fill; ///< what pads read, an element; null: 0
  mlir::Value to; ///< rows kWordRowBytes apart
};

/// Bytes become unsigned ones, s8 by turning their top bit. An s16 that is missing to a whole word is 0; a byte may be
/// anything.
void emitGather(KernelBuilder &b, const RowSource &source, int64_t K, WordKind words, const GatherCall &call);

/// Words of rows of `length` elements, the last of which may not be full.
mlir::Value wordsOf(KernelBuilder &b, WordKind words, mlir::Value length);
/// Zeros in the last `step` words of rows of `length` elements, which gathering then writes over: the last word, and those
/// that are missing to a whole step, end in zeros.
void emitClearEnds(KernelBuilder &b, WordKind words, int64_t step, mlir::Value to, mlir::Value count,
                   mlir::Value length);

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_GATHERROWS_H
