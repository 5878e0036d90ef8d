//===- Region.h - Row regions as functions of phiq ops ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Halide is asked to compile: straight-line phiq ops on one row of constant
// length, as a private function of the module. Its code is one function on raw
// pointers, declared beside it and inlined into the stages that call it:
//
//     func.func private @rows_add_rms_norm_f32_q32_576_0f3a...(%x: tensor<1x576xf32>, %y: tensor<1x576xf32>,
//         %gamma: tensor<576xf32>) -> (tensor<1x576xf32>, tensor<1x576x!phiq.block<s8, 32, scale = f32>>) {
//       %0 = arith.addf %x, %y
//       %1 = phiq.rms_norm %0, %gamma {epsilon = 1.0e-5 : f32}
//       %2 = phiq.quantize %1
//       return %0, %2
//     }
//     llvm.func @region_add_rms_norm_f32_q32_576_0f3a...(!llvm.ptr, ...) attributes {phic.region = @rows_add_...}
//
// Its ops are row ops with an expression (RowExpr.h) and at most one phiq.rope of one
// head, whose tables are the rows of the row's position. Only elementwise ops follow
// a rope. Stored floats are widened where they come in (arith.extf) and rounded where
// they go out (arith.truncf); `phic.step` is the distance of neighbours in memory.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_REGIONS_REGION_H
#define PHIC_TARGETS_CPU_REGIONS_REGION_H

#include "dialects/phiq/Phiq.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include <optional>
#include <string>
#include <vector>

namespace phic {

/// The next pointer argument: `length` elements, `step` elements apart.
struct RegionInput {
  Scalar element = Scalar::F32; ///< F32, F16 or BF16
  int64_t length = 0;
  int64_t step = 1;
};

/// A result in memory. Floats are one pointer argument; a quantized row is three: codes s8 [columns rounded up to
/// whole blocks, the rest 0], scales f32 [blocks], sums f32 [blocks] (Numerics.h, quantizeRow).
struct RegionOutput {
  mlir::Value value;            ///< as f32, before it is rounded or quantized
  Scalar element = Scalar::F32; ///< F32 or F16; None: quantized
  int64_t step = 1;             ///< elements between neighbours, for floats
  int64_t block = 0;            ///< 32 or 16, quantized only
};

/// Pointer arguments are the inputs in order, then the outputs in order. Nothing is assumed about alignment beyond the
/// element's. An output may be the very memory of an input with the same element and step if the region has that one
/// output and no rope; memory must not overlap otherwise.
class RowRegion {
public:
  /// What a function says; nothing with a reason where it is no region.
  static std::optional<RowRegion> of(mlir::func::FuncOp function, std::string *why);

  /// Ops of a type, in order.
  template <typename Op> auto getOps() const { return mlir::func::FuncOp(function).getOps<Op>(); }
  /// The one op that turns pairs, or null.
  phiq::RopeOp rope() const;

  unsigned argumentCount() const;
  /// `add_rms_norm_f32_q32_576_<hash of the function>`: the same for equal regions, in every process.
  std::string name() const;

  /// On a function's arguments and results: elements between neighbours, where that is not 1.
  static constexpr llvm::StringLiteral kStep = "phic.step";
  /// On the declaration of a region's code: the function.
  static constexpr llvm::StringLiteral kRegion = "phic.region";

  mlir::func::FuncOp function;
  int64_t columns = 0;
  std::vector<RegionInput> inputs; ///< by argument
  std::vector<RegionOutput> outputs;

private:
  std::string read();
};

/// The function behind a declaration of a region's code, or null.
mlir::func::FuncOp regionOf(mlir::LLVM::LLVMFuncOp declaration);

} // namespace phic

#endif // PHIC_TARGETS_CPU_REGIONS_REGION_H
