//===- RowFacts.h - What is to be known about a row op ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The answers of RowOpInterface: how an op makes a row, what its operands are, and
// where it stands after a matmul. Passes and generators ask for these, never for a
// list of ops, so that a new op is known to all of them at once.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_ROWFACTS_H
#define PHIC_DIALECTS_PHIQ_ROWFACTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <algorithm>
#include <cstdint>

namespace phic::phiq {

/// How row i of the result is made.
enum class RowWork : uint8_t {
  Core,        ///< by a kernel with loops of its own: over weights, over the cache
  Elementwise, ///< element j from elements j of the operands
  Norm,        ///< elementwise, but with numbers that need the whole row first
  Pairs,       ///< two elements of a head together, by the row's position
  Columns,     ///< a run of the operand's columns
  Select,      ///< another row of the operand
  Quantize,    ///< codes, scales and sums, by the block
  Dequantize,  ///< the floats that codes stand for
  Store,       ///< no result: it goes into a cache
};

/// What an operand is.
enum class OperandRole : uint8_t {
  Ids,           ///< token ids [M]
  Rows,          ///< activations [M, N]
  Vector,        ///< a float for each column, or one for all
  Matrix,        ///< a weight [N, K], read whole
  TokenTable,    ///< a weight [V, N], read a row for each token
  PositionTable, ///< floats [positions, columns], read a row for each position
};

/// Place in the body of a matmul stage, in this order as far as operands allow.
enum class EpiloguePlace : uint8_t { Matmul, Bias, Columns, Rope, Append, Elementwise, Quantize, None };

struct RowFacts {
  llvm::StringRef name; ///< in the symbols of kernels
  RowWork work;
  EpiloguePlace place;
  bool needsPositions;               ///< of its rows: they have to be all rows of the step
  llvm::ArrayRef<OperandRole> roles; ///< of the operands; the last is that of all further ones

  OperandRole role(unsigned operand) const { return roles[std::min<size_t>(operand, roles.size() - 1)]; }
  /// Begins a stage instead of joining that of its operands.
  bool isMain() const { return work == RowWork::Core || work == RowWork::Norm || work == RowWork::Select; }
};

} // namespace phic::phiq

#endif // PHIC_DIALECTS_PHIQ_ROWFACTS_H
