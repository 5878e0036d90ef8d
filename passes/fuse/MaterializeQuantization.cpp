//===- MaterializeQuantization.cpp - Quantize activations ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns `compute = i8` into the quantization it asks for, once per value, right
// after the op that makes it, so that `fuse-stages` puts it into that op's stage:
//
//     %a = phiq.matmul %n, %v compute = i8     %q = phiq.quantize %n
//     %b = phiq.matmul %n, %w compute = i8 ->  %a = phiq.matmul %q, %v compute = i8
//                                                  %b = phiq.matmul %q, %w compute = i8
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowOps.h"
#include "mlir/IR/Builders.h"
#include "passes/Passes.h"
#include "llvm/ADT/MapVector.h"

namespace phic {
#define GEN_PASS_DEF_MATERIALIZEQUANTIZATIONPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

/// Elements that share a scale of the activations: a block of 16 where some weight's blocks are multiples of 16 only,
/// else 32.
int64_t activationBlock(ArrayRef<phiq::MatmulOp> matmuls) {
  int64_t block = 32;
  for (phiq::MatmulOp op : matmuls) {
    auto type = cast<phiq::BlockType>(cast<ShapedType>(op.getRhs().getType()).getElementType());
    if (type.getFormat().block % 32 == 16)
      block = 16;
  }
  return block;
}

/// `!phiq.block<s8, BLOCK, scale = f32>`, what run-time quantization makes of rows.
RankedTensorType quantizedType(RankedTensorType rows, int64_t block) {
  BlockFormat format;
  format.codes = {.bits = 8, .isSigned = true};
  format.block = block;
  return rows.clone(phiq::BlockType::get(rows.getContext(), format));
}

struct MaterializeQuantization : impl::MaterializeQuantizationPassBase<MaterializeQuantization> {
  void runOnOperation() override {
    llvm::MapVector<Value, SmallVector<phiq::MatmulOp>> byRows;
    getOperation().walk([&](phiq::MatmulOp op) {
      if (op.getCompute() == phiq::ComputeMode::I8 && cast<ShapedType>(op.getLhs().getType()).getElementType().isF32())
        byRows[op.getLhs()].push_back(op);
    });
    OpBuilder builder(&getContext());
    for (auto &[rows, matmuls] : byRows) {
      builder.setInsertionPointAfterValue(rows);
      auto type = quantizedType(cast<RankedTensorType>(rows.getType()), activationBlock(matmuls));
      auto quantize =
          phiq::QuantizeOp::create(builder, rows.getLoc(), type, rows, /*scale=*/Value(), /*zero=*/IntegerAttr());
      for (phiq::MatmulOp op : matmuls)
        op.getLhsMutable().assign(quantize);
    }
  }
};

} // namespace
} // namespace phic
