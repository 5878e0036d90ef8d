//===- Microkernels.h - What a target family emits -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The register-tile loops that differ between instruction sets, behind one small
// interface; everything around them (tiles, epilogues, attention) is written once
// in targets/cpu/kernels. A family's variants are rows of its Kernels.def.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_MICROKERNELS_H
#define PHIC_TARGETS_CPU_KERNELS_MICROKERNELS_H

#include "targets/code/KernelBuilder.h"
#include "targets/cpu/CpuTarget.h"
#include "targets/layout/PackedLayout.h"

namespace phic {

/// Operands of a matmul microkernel: `rows` activations times panels of `rhs`.
struct MatmulOperands {
  int64_t K = 0;
  int64_t lhsBlock = 0;      ///< block of the quantized activations; 0: f32 rows
  int64_t lhsRowBytes = 0;   ///< distance of two rows
  PackedLayout rhs;

  /// "s8b32" or "f32", and "u4b32f16z8": parts of a kernel's symbol.
  std::string lhsName() const;
  std::string rhsName() const;
};

/// A register tile: MR rows x NR columns (half a panel, or whole ones), KR elements of K a step.
struct RegisterTile {
  int64_t MR = 0, NR = 0, KR = 0;
};

/// What a matmul of many rows is given. `rows` is a multiple of the tile's MR, 8 `panels` one of its NR.
struct TallMatmulCall {
  mlir::Value lhs, rhs, out, outRowBytes, panels, rows, scratch;
};

class Microkernels {
public:
  virtual ~Microkernels() = default;

  /// The variants for these operands, most rows first; the last has MR = 1. Empty: none.
  virtual llvm::SmallVector<RegisterTile> matmulTiles(const MatmulOperands &operands) const = 0;

  /// Bytes that a tile needs at `scratch`.
  virtual int64_t scratchBytes(const MatmulOperands &operands, const RegisterTile &tile) const = 0;

  /// Emits out[r][8 p + c] = sum_k lhs[r][k] * rhs[8 p + c][k] for r < MR, p in [0, panels):
  /// `rhs` points to the first panel, `out` to f32 rows `outRowBytes` apart. The order of a row's
  /// operations is the same in every variant (a row's result does not depend on M).
  virtual void emitMatmul(KernelBuilder &b, const MatmulOperands &operands, const RegisterTile &tile, mlir::Value lhs,
                          mlir::Value rhs, mlir::Value out, mlir::Value outRowBytes, mlir::Value panels,
                          mlir::Value scratch) const = 0;

  /// The tile for many rows, where there is one; results are those of emitMatmul, bit for bit.
  virtual std::optional<RegisterTile> tallTile(const MatmulOperands &operands) const = 0;
  /// Bytes that it needs at `scratch`.
  virtual int64_t tallScratchBytes(const MatmulOperands &operands) const = 0;
  virtual void emitTallMatmul(KernelBuilder &b, const MatmulOperands &operands, const TallMatmulCall &call) const = 0;
};

/// Whether the target has what the target of that ISA, which a Kernels.def names, has.
bool hasIsa(const CpuTarget &target, std::string_view isa);

/// The family of a target.
const Microkernels &microkernelsOf(const CpuTarget &target);

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_MICROKERNELS_H
