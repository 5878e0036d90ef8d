//===- WeightCode.h - Weights in panels, as a GPU's lanes read them -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A *run* is what a lane takes of a column at a time: of codes as many as fill a word of the
// narrowest plane (PackedLayout.h), of floats one. The eight columns of a panel are eight
// neighbouring lanes, whose words lie side by side.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_GPU_WEIGHTCODE_H
#define PHIC_TARGETS_GPU_WEIGHTCODE_H

#include "targets/gpu/GpuBuilder.h"
#include "targets/layout/PackedLayout.h"

namespace phic::gpu_code {

/// The numbers of a block: w = scale * (code - zero) + min.
struct BlockNumbers {
  mlir::Value scale, zero, min; ///< min is null where the format has none
  /// What the sum of a block's activations is multiplied with, min - scale * zero; null where that is nothing.
  mlir::Value shift(GpuBuilder &b, const PackedLayout &layout) const;
};

/// A weight [N, K] in panels of codes or floats.
class WeightCode {
public:
  WeightCode(GpuBuilder &b, const PackedLayout &layout, int64_t K) : b(b), layout(layout), K(K) {}

  int64_t runElements() const { return isFloats() ? 1 : layout.runElements(); }
  /// Runs of a column, padding counted.
  int64_t runs() const;
  bool isFloats() const { return layout.kind == PackedLayout::Kind::FloatPanel; }
  /// Whether the last runs hold elements behind K, whose codes stand for anything.
  bool isPadded() const { return runs() * runElements() != K; }

  /// Words of four codes each of run `run` (i32) of column `column` of the panel.
  llvm::SmallVector<mlir::Value, 8> codes(mlir::Value panel, mlir::Value column, mlir::Value run) const;
  /// The same run's block.
  BlockNumbers numbers(mlir::Value panel, mlir::Value column, mlir::Value run) const;
  /// Element `run` of a float panel.
  mlir::Value number(mlir::Value panel, mlir::Value column, mlir::Value run) const;
  /// What a code of that block stands for.
  mlir::Value valueOf(const BlockNumbers &numbers, mlir::Value code) const;
  /// Byte i of a word of codes, as an i32.
  mlir::Value codeOf(mlir::Value word, int64_t i) const;

  /// Element k (i32) of row n (i32) of the weight at `base`.
  mlir::Value element(mlir::Value base, mlir::Value n, mlir::Value k) const;
  /// Where panel `panel` (i32) begins.
  mlir::Value panelAt(mlir::Value base, mlir::Value panel) const;

private:
  /// Of a run: its tile, and where in the tile it is.
  struct RunPlace {
    mlir::Value tile, rest;
  };
  RunPlace placeOf(mlir::Value panel, mlir::Value run) const;
  mlir::Value parameter(Scalar type, mlir::Value tile, int64_t wholeOffset, int64_t tailOffset, mlir::Value index,
                        mlir::Value isTail) const;
  mlir::Value chosen(int64_t whole, int64_t tail, mlir::Value isTail) const;
  mlir::Value isTail(mlir::Value run) const;

  GpuBuilder &b;
  const PackedLayout &layout;
  const int64_t K;
};

} // namespace phic::gpu_code

#endif // PHIC_TARGETS_GPU_WEIGHTCODE_H
