//===- AssignCompute.cpp - What each matmul computes in --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Honours `--act`. The choice is an attribute; `fuse` makes the quantization of
// activations that i8 asks for an op of its own.
//
//     %y = phiq.matmul %x, %w     ->     %y = phiq.matmul %x, %w {compute = "i8"}
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowOps.h"
#include "passes/Passes.h"
#include "llvm/ADT/MapVector.h"

namespace phic {
#define GEN_PASS_DEF_ASSIGNCOMPUTEPASS
#include "passes/Passes.h.inc"

namespace {
using namespace mlir;

/// Whether i8 activations can meet this weight: their blocks of 32 or 16 must not straddle two of the weight's.
bool canComputeI8(phiq::MatmulOp op) {
  auto type = cast<ShapedType>(op.getRhs().getType());
  auto block = dyn_cast<phiq::BlockType>(type.getElementType());
  return block && (block.getFormat().block % 16 == 0 || block.getFormat().block >= type.getDimSize(1));
}

struct AssignCompute : impl::AssignComputePassBase<AssignCompute> {
  using AssignComputePassBase::AssignComputePassBase;

  void runOnOperation() override {
    if (failed(requireHonourable()))
      return signalPassFailure();
    bool anyI8 = false;
    for (auto &[rows, matmuls] : matmulsByRows()) {
      bool isI8 = act != "f32" && llvm::all_of(matmuls, canComputeI8);
      for (phiq::MatmulOp op : matmuls)
        assign(op, isI8);
      anyI8 |= isI8;
    }
    if (act == "i8" && !anyI8) {
      getOperation().emitError(
          "activations i8 are for quantized weights, and no matmul of this model has one; use f32 or auto");
      signalPassFailure();
    }
  }

  LogicalResult requireHonourable() {
    if (act == "f16")
      return getOperation().emitError("activations f16 need f16 arithmetic, which x86-64 levels up to v3 do not have; "
                                      "use auto, i8 or f32");
    if (act != "auto" && act != "f32" && act != "i8")
      return getOperation().emitError("unknown activations '") << act.getValue() << "'; use auto, i8 or f32";
    return success();
  }

  /// Matmuls on float rows, by those rows. Rows that the graph itself quantizes keep what it states.
  llvm::MapVector<Value, SmallVector<phiq::MatmulOp>> matmulsByRows() {
    llvm::MapVector<Value, SmallVector<phiq::MatmulOp>> byRows;
    getOperation().walk([&](phiq::MatmulOp op) {
      if (cast<ShapedType>(op.getLhs().getType()).getElementType().isF32())
        byRows[op.getLhs()].push_back(op);
    });
    return byRows;
  }

  void assign(phiq::MatmulOp op, bool isI8) {
    op.setCompute(isI8 ? StringRef("i8") : StringRef("f32"));
    if (!isI8 && act != "f32" && canComputeI8(op))
      op.emitRemark("computes in f32, since another matmul of the same rows has a weight that asks for it");
  }
};

} // namespace
} // namespace phic
