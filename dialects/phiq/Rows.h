//===- Rows.h - Activations as numbers -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the interpreter computes with: a value of every row and column, and how far a
// kernel's may lie from it. No MLIR in here.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_ROWS_H
#define PHIC_DIALECTS_PHIQ_ROWS_H

#include <cstdint>
#include <vector>

namespace phic {

/// Activations [rows, columns], row-major; a tensor of another rank is its first dimension of rows.
struct Rows {
  int64_t rows = 0, columns = 0;
  std::vector<float> values; ///< for quantized rows: the floats that the codes stand for, rounded
  std::vector<int64_t> integers; ///< of a graph's integers and truth values, in place of `values`
  std::vector<double> error; ///< |kernel's value - values[i]| <= error[i]; empty: exact, or not asked for

  /// Quantized rows only (`block` > 0): codes as `values`, scales [rows, blocks()].
  int64_t block = 0;
  int32_t zero = 0; ///< zero point of every code
  std::vector<int32_t> codes;
  std::vector<float> scales;
  /// With errors: codes a kernel may store lie in [leastCodes[i], greatestCodes[i]], scales within scaleError.
  std::vector<int32_t> leastCodes, greatestCodes;
  std::vector<double> scaleError;

  Rows() = default;
  Rows(int64_t rows, int64_t columns) : rows(rows), columns(columns), values(size_t(rows * columns)) {}
  int64_t blocks() const { return (columns + block - 1) / block; }
  float *row(int64_t i) { return values.data() + i * columns; }
  const float *row(int64_t i) const { return values.data() + i * columns; }
  int64_t size() const { return rows * columns; }
  /// Element i, a float or an integer.
  double number(int64_t i) const { return integers.empty() ? double(values[size_t(i)]) : double(integers[size_t(i)]); }
  /// Element i becomes what element `from` of x is.
  void take(int64_t i, const Rows &x, int64_t from) {
    if (x.integers.empty())
      values[size_t(i)] = x.values[size_t(from)];
    else
      integers[size_t(i)] = x.integers[size_t(from)];
  }
  /// What every element stands for, unrounded: the product of a scale and a code does not fit f32.
  std::vector<double> exactValues() const;
  /// The error bound of element i, 0 when none is kept.
  double errorAt(int64_t i) const { return error.empty() ? 0.0 : error[size_t(i)]; }
};

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_ROWS_H
