//===- MapFunctions.h - What phiq.map can compute --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One row a function: its operands' types, its meaning, and how far from it a kernel may be. The interpreter, constant
// folding, error bounds, the verifier and importers ask it; how kernels compute it is the backend's.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_MAPFUNCTIONS_H
#define PHIC_DIALECTS_PHIQ_MAPFUNCTIONS_H

#include "dialects/phiq/Grid.h"

namespace phic {

/// Which element types a function takes and gives.
enum class MapTypes : uint8_t {
  Numbers,    ///< all of one type, and so the result
  Floats,     ///< the same of f32
  Comparison, ///< of one type, to i1
  FloatTest,  ///< of f32, to i1
  Truth,      ///< of i1, to i1
  Select,     ///< i1 and two of one type, to that
  Cast,       ///< one of any type to any
  Quantize,   ///< f32, f32 and codes, to the codes' type
  Dequantize, ///< codes or i32, f32, and the first's type, to f32
  Lookup,     ///< codes, a table of f32 to that or of i32 to integers
};

struct MapFunctionRow {
  phiq::MapFunction function;
  unsigned arity;
  MapTypes types;
  /// In real numbers. Truth values are 0 and 1. Null: the types matter (cast, quantize, dequantize).
  double (*real)(const double *x) = nullptr;
  /// Of integers, in 64 bits; the result wraps around to the type's. Null: of floats only.
  int64_t (*integer)(const int64_t *x) = nullptr;
  /// A kernel's value is within relative * |value| + absolute of the function of its operands. 0, 0: it rounds once, as
  /// the interpreter does, so that they are equal.
  double relative = 0, absolute = 0;
  /// The result moves at most so many times as far as an operand. 0: it is monotone in each operand.
  double steepness = 0;
};

const MapFunctionRow &mapFunctionRow(phiq::MapFunction function);

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_MAPFUNCTIONS_H
