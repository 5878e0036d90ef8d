//===- Arrays.h - Numbers of tests, and whether they are equal -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A tensor as a test gives it: a .npy file in memory. Results are compared as ONNX's own runner does it: floats by a
// relative and an absolute tolerance, all else exactly.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_GRAPHS_ARRAYS_H
#define PHIC_TEST_GRAPHS_ARRAYS_H

#include "dialects/phiq/Rows.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <vector>

namespace phic::test {

struct Array {
  std::string descr; ///< NumPy's name of the element type, as "<f4"
  std::vector<int64_t> shape;
  std::vector<char> bytes; ///< row-major

  size_t elements() const;
  /// Never null, as the libraries of graphs want it.
  void *data() { return bytes.empty() ? this : static_cast<void *>(bytes.data()); }
  const void *data() const { return bytes.empty() ? this : static_cast<const void *>(bytes.data()); }
  /// Element i, of any of phic's types.
  double number(size_t i) const;
  /// The same with all its digits.
  std::string text(size_t i) const;
};

struct Tolerance {
  double relative = 0, absolute = 0;
};

llvm::Expected<Array> readArray(const std::string &path);

/// Of that type, all zero.
Array arrayOf(mlir::RankedTensorType type);
/// As many as the array has.
void setElements(Array &array, const Rows &rows);
Rows rowsOf(const Array &array);

/// Empty, or what is wrong with it: "has 5 of 12 elements wrong, the first at 3: 2 instead of 4".
std::string difference(const Array &found, const Array &expected, Tolerance tolerance);
/// "<f4 [2, 3]"
std::string typeText(const Array &array);

} // namespace phic::test

#endif // PHIC_TEST_GRAPHS_ARRAYS_H
