//===- ResizeTaps.h - What a Resize takes along an axis --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Resize works axis by axis: an element of the result is a sum of some of x's with weights, which depend on sizes and
// attributes alone. ONNX's description of the operator has the formulas; knows nothing of MLIR.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_GRAPH_RESIZETAPS_H
#define PHIC_COMPILER_IMPORT_ONNX_GRAPH_RESIZETAPS_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace phic::onnx::graph {

struct ResizeRule {
  std::string mode, coordinates, nearest; ///< attributes mode, coordinate_transformation_mode, nearest_mode
  double cubicA = -0.75;
  bool excludesOutside = false, antialiases = false;

  /// What is wrong with it; empty: nothing.
  std::string problem() const;
  bool isNearest() const { return mode == "nearest"; }
};

struct ResizeAxis {
  int64_t from, to;
  double scale;                ///< the node's, or to / from
  double start = 0, end = 1;   ///< of the region of interest
};

/// Of one element of the result.
struct ResizeTap {
  std::vector<int64_t> indices; ///< within x
  std::vector<double> weights;
  bool isOutside = false; ///< tf_crop_and_resize: it is the extrapolation value
};

std::vector<ResizeTap> resizeTaps(const ResizeRule &rule, const ResizeAxis &axis);

} // namespace phic::onnx::graph

#endif // PHIC_COMPILER_IMPORT_ONNX_GRAPH_RESIZETAPS_H
