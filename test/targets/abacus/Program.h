//===- Program.h - What an abacus runs -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The abacus is a machine that nobody would build: it holds phic to having no
// processor in places where a processor has no business (docs/architecture.md). Its
// code is this, made by the backend of this folder and run by its device, a small
// machine that adds and multiplies f32 numbers one after the other.
//
// A program is 64-bit little-endian words: an AbacusHeader, a word for each stage that
// is the index of its first word, then the stages. A stage is `words`, the number of
// words that follow it, and its instructions one after the other:
//
//     code, words, rows, fields...     `words` counts what comes behind it, `rows` too
//
// `rows` is AbacusRows. All instructions of a stage are done for every row before the
// next one begins, so that a value is an array of rows. Fields are:
//
//     value    space, offset, row_bytes       f32 rows; AbacusSpace
//     weight   offset, width, block, N, K     in the plan's weights: AbacusStrips below
//     floats   offset                         of a vector, f32, in the plan's weights
//     cache    key_offset, value_offset, heads, head_dim, is_half, strips, key_group, value_group
//     real     the 32 bits of an f32
//
// No MLIR in here: the machine includes it.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_ABACUS_PROGRAM_H
#define PHIC_TEST_TARGETS_ABACUS_PROGRAM_H

#include <stdint.h>

namespace phic {

inline constexpr uint64_t kAbacusMagic = 0x3130535543414241; // "ABACUS01"

struct AbacusHeader {
  uint64_t magic;
  uint64_t words;        ///< of the whole program, this header's too
  uint64_t stages;
  uint64_t scratchBytes; ///< that a step's values need between the instructions of a stage
};

/// Which rows of the step an instruction makes.
enum class AbacusRows : uint64_t {
  All,      ///< rows [0, M)
  Selected, ///< M - logit_row0 rows, numbered from 0: those whose logits are wanted
};

/// Slots of the binding table: a decoder's ids, its logits, its caches (dialects/plan/Entry.h).
inline constexpr unsigned kAbacusTokens = 0, kAbacusLogits = 1, kAbacusCaches = 2;

/// Where a value is.
enum class AbacusSpace : uint64_t { Arena, Logits, Scratch };

enum class AbacusCode : uint64_t {
  Embed,      ///< value to, weight table: row i is that of token i
  Matmul,     ///< value to, value from, weight: to[i][n] = sum over k of from[i][k] * w[n][k]
  Expression, ///< value to, columns, operands, each `AbacusOperand, value or floats`, then nodes: see AbacusNode
  Rope,       ///< value to, value from, columns, head_dim, rotary, interleaved, floats cos, floats sin,
              ///< has_long, threshold, floats long_cos, floats long_sin (phiq.rope; tables [positions][rotary / 2])
  Columns,    ///< value to, value from, columns, begin
  Select,     ///< value to, value from, columns: row i is row logit_row0 + i
  Append,     ///< value keys, value values, cache: row i at position past + i
  Attend, ///< value to, value from, heads, real scale, window (0: none), real softcap (0: none), cache (phiq.attend)
};

/// Fields of an expression's operand, behind its kind: a value's, or a vector's.
enum class AbacusOperand : uint64_t {
  Rows, ///< value: element j of the row
  Vector, ///< floats: element j
  Single, ///< floats: the only one
};

/// An expression for element j of a row is nodes, an operation before its operands. Leaves have a word more. Conditions
/// are 1 or 0.
enum class AbacusNode : uint64_t {
  Operand, ///< index
  Constant, ///< real
  Add,
  Subtract,
  Multiply,
  Divide,
  Minimum,
  Maximum,
  Negate,
  Absolute,
  Exp,
  SquareRoot,
  Integer, ///< the nearest, half to even
  Less,
  IsNan,
  Select,
  RowSum, ///< of its operand over j = 0, 1, ...; how many are the value's columns
};

// Weights lie in *strips*: `width` rows of W after one another, N padded with zeros to whole strips. A strip has, for
// blocks of `block` elements of K (ceil(K / block) of them), element k of row r of the strip being
//
//     int16 codes [K][width]       padded to a multiple of 4 bytes
//     f32 scale, zero, min [blocks][width] each
//
// and w = scale * (code - zero) + min. Without blocks (0) it is f32 [K][width]. A vector is one row, its width 1.

} // namespace phic

#endif // PHIC_TEST_TARGETS_ABACUS_PROGRAM_H
