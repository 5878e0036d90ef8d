//===- Region.h - Row regions as data --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Halide is asked to compile: a straight list of operations on one row of
// constant length. A region becomes one function on raw pointers,
//
//     void <name>(ptr input..., ptr output...)
//
// inlined into the stages that call it. Between passes a region is text, on the
// declaration of that function:
//
//     llvm.func @region_add_rms_norm_q32_576_0f3a...(!llvm.ptr, ...) attributes {
//       phic.region = "576: %0 = in f32; %1 = in f32; %2 = in f32; %3 = add %0 %1; %4 = rms_norm %3 %2 1e-05; out f32 %3; out q32 %4"}
//
// No MLIR and no Halide in here.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_REGIONS_REGION_H
#define PHIC_TARGETS_CPU_REGIONS_REGION_H

#include "dialects/phiq/Formats.h"
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace phic {

/// An operation on rows: a row of RegionOps.def.
enum class RowOp : uint8_t {
#define PHIC_ROW_OP(ENUM, NAME, OPERANDS, NUMBERS, DESCRIPTION) ENUM,
#include "targets/cpu/regions/RegionOps.def"
};
std::string_view rowOpName(RowOp op);
unsigned rowOpOperands(RowOp op);
/// Numbers of an operation beside its operands.
enum class RowOpNumbers : uint8_t { None, Epsilon, Range };
RowOpNumbers rowOpNumbers(RowOp op);

/// A row of values: an input, or the result of an operation. Its id is its index in `values`.
struct RegionValue {
  bool isInput = true;
  // An input: `length` elements of `element` (F32, F16, BF16), `step` elements apart.
  Scalar element = Scalar::F32;
  int64_t length = 0;
  int64_t step = 1;
  // An operation.
  RowOp op = RowOp::Add;
  std::vector<unsigned> operands;
  float epsilon = 0;
  int32_t least = 0, greatest = 0;
  bool operator==(const RegionValue &) const = default;
};

/// A result in memory. Floats are one pointer argument; a quantized row is three: codes s8 [columns rounded
/// up to whole blocks, the rest 0], scales f32 [blocks], sums f32 [blocks] (Numerics.h, quantizeRow).
struct RegionOutput {
  unsigned value = 0;
  Scalar element = Scalar::F32; ///< F32 or F16; None: quantized
  int64_t step = 1; ///< elements between neighbours, for floats
  int64_t block = 0; ///< 32 or 16, quantized only
  bool operator==(const RegionOutput &) const = default;
};

/// Pointer arguments are the inputs in order, then the outputs in order. Nothing is assumed about alignment
/// beyond the element's. An output may be the very memory of an input with the same element and step if the
/// region has that one output and no rope; memory must not overlap otherwise. At most one rope, only elementwise
/// operations on its result.
struct RegionSpec {
  int64_t columns = 0;
  std::vector<RegionValue> values;
  std::vector<RegionOutput> outputs;
  bool operator==(const RegionSpec &) const = default;

  explicit RegionSpec(int64_t columns = 0) : columns(columns) {}

  // Building. Each returns the id of a value.
  /// The next pointer argument: a row of `columns` elements.
  unsigned row(Scalar element = Scalar::F32, int64_t step = 1) { return input(columns, element, step); }
  /// The next pointer argument: a vector of another length (rope's cosines and sines).
  unsigned input(int64_t length, Scalar element = Scalar::F32, int64_t step = 1);
  unsigned op(RowOp op, std::vector<unsigned> operands, float epsilon = 0);
  unsigned snap(unsigned x, unsigned scale, int32_t least, int32_t greatest);
  void outputFloats(unsigned value, Scalar element = Scalar::F32, int64_t step = 1);
  void outputQuantized(unsigned value, int64_t block);

  /// Pointer arguments of the function.
  unsigned inputCount() const;
  unsigned argumentCount() const;

  /// Why this is no region, or an empty string: operand counts, lengths, ids, blocks.
  std::string check() const;

  /// `region_<operations>_<columns>_<hash of str()>`: the same for equal regions, in every process.
  std::string name() const;
  /// One line; parse accepts exactly what str() returns for a region that check() accepts.
  std::string str() const;
  static std::optional<RegionSpec> parse(std::string_view text, std::string *error);
};

} // namespace phic

#endif // PHIC_TARGETS_CPU_REGIONS_REGION_H
