//===- Symbolic.h - Integers that depend on the sequence -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decoder graphs compute lengths and positions from `attention_mask` and `position_ids`
// with a dozen small integer nodes. phic runs one unpadded sequence, where all of those
// values are known up to two numbers: `seq`, the new tokens, and `past`, the cached ones.
// So these nodes are evaluated at import: then it is *checked*, not believed from a
// name, that attention gets `past + seq - 1` as its last key.
//
//     ReduceSum(attention_mask) - 1   ->   past + seq - 1
//     Greater(Shape(attention_mask)[1], 4096)   ->   1 if past + seq > 4096 else 0
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_ONNX_SYMBOLIC_H
#define PHIC_COMPILER_IMPORT_ONNX_SYMBOLIC_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <vector>

namespace phic::onnx {

/// constant + seq * (new tokens) + past * (cached tokens) + (step if total > threshold).
struct Affine {
  int64_t constant = 0, seq = 0, past = 0;
  int64_t step = 0, threshold = 0; ///< threshold is 0 where step is
  bool operator==(const Affine &) const = default;
  bool isConstant() const { return !seq && !past && !step; }
  std::string str() const;
};
inline constexpr Affine kSeq{0, 1, 0}, kPast{0, 0, 1}, kTotal{0, 1, 1};

/// A tensor of such integers.
struct Symbolic {
  enum class Kind : uint8_t {
    Values, ///< `values`, row-major; all dims of `shape` are constant
    Ramp,   ///< counts up along the last axis from values[0]: position_ids [1, seq]
    Ones,   ///< all 1: attention_mask [1, total]
  };
  Kind kind = Kind::Values;
  std::vector<Affine> shape;
  std::vector<Affine> values;
  bool operator==(const Symbolic &) const = default;

  static Symbolic scalar(Affine value) { return {Kind::Values, {}, {value}}; }
  static Symbolic vector(std::vector<Affine> values);
  static Symbolic positions() { return {Kind::Ramp, {{1}, kSeq}, {kPast}}; }
  static Symbolic mask() { return {Kind::Ones, {{1}, kTotal}, {}}; }
  /// The only value of a tensor with one element, of any rank.
  const Affine *single() const { return kind == Kind::Values && values.size() == 1 ? &values[0] : nullptr; }
  std::string str() const;
};

// Each is the ONNX operator of that name; an error says why a result is not of this form.
llvm::Expected<Symbolic> symbolicAdd(const Symbolic &a, const Symbolic &b);
llvm::Expected<Symbolic> symbolicSub(const Symbolic &a, const Symbolic &b);
llvm::Expected<Symbolic> symbolicMul(const Symbolic &a, const Symbolic &b);
/// a > b where `orEqual` is false, else a >= b.
llvm::Expected<Symbolic> symbolicGreater(const Symbolic &a, const Symbolic &b, bool orEqual);
/// Sum or maximum over all of `axes`; empty axes: over everything.
llvm::Expected<Symbolic> symbolicReduceSum(const Symbolic &x, llvm::ArrayRef<int64_t> axes, bool keepDims);
llvm::Expected<Symbolic> symbolicReduceMax(const Symbolic &x, llvm::ArrayRef<int64_t> axes, bool keepDims);
llvm::Expected<Symbolic> symbolicShape(llvm::ArrayRef<Affine> shape, int64_t start, int64_t end);
llvm::Expected<Symbolic> symbolicGather(const Symbolic &x, const Symbolic &indices, int64_t axis);
llvm::Expected<Symbolic> symbolicSlice(const Symbolic &x, int64_t start, int64_t end);
llvm::Expected<Symbolic> symbolicConcat(llvm::ArrayRef<Symbolic> parts);
llvm::Expected<Symbolic> symbolicRange(const Symbolic &start, const Symbolic &limit, const Symbolic &delta);
/// Unsqueeze, Squeeze and Reshape: only the shape changes.
llvm::Expected<Symbolic> symbolicUnsqueeze(const Symbolic &x, llvm::ArrayRef<int64_t> axes);
llvm::Expected<Symbolic> symbolicSqueeze(const Symbolic &x, llvm::ArrayRef<int64_t> axes);
llvm::Expected<Symbolic> symbolicReshape(const Symbolic &x, const Symbolic &shape);

} // namespace phic::onnx

#endif // PHIC_COMPILER_IMPORT_ONNX_SYMBOLIC_H
