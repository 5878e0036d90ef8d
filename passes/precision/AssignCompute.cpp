//===- AssignCompute.cpp - What each matmul computes in --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Honours `--act`. The choice is an attribute; `fuse` makes the quantization of
// activations that i8 asks for an op of its own.
//
//     %y = phiq.matmul %x, %w     ->     %y = phiq.matmul %x, %w compute = i8
//===----------------------------------------------------------------------===//
#include "dialects/phiq/RowOps.h"
#include "passes/Passes.h"
#include "targets/Backend.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

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
    auto backends = backendsNamed(families, getOperation());
    if (failed(backends) || failed(requireHonourable(*backends)))
      return signalPassFailure();
    // A matmul has one mode, so that a program is one model whatever runs it: what `auto` takes must be had by all.
    const bool isOffered = llvm::all_of(*backends, [](const Backend *b) { return has(*b, ComputeMode::I8); });
    bool anyI8 = false;
    size_t lost = 0;
    for (auto &[rows, matmuls] : matmulsByRows()) {
      const bool couldBeI8 = act != "f32" && llvm::all_of(matmuls, canComputeI8), isI8 = couldBeI8 && isOffered;
      for (phiq::MatmulOp op : matmuls)
        assign(op, isI8, isOffered);
      anyI8 |= isI8;
      lost += couldBeI8 && !isOffered ? matmuls.size() : 0;
    }
    if (lost)
      remarkLost(*backends, lost);
    if (act == "i8" && !anyI8) {
      getOperation().emitError(
          "activations i8 are for quantized weights, and no matmul of this model has one; use f32 or auto");
      signalPassFailure();
    }
  }

  static bool has(const Backend &backend, ComputeMode mode) { return llvm::is_contained(backend.modes(), mode); }

  /// Slower code for one family on account of another is not made in silence.
  void remarkLost(ArrayRef<const Backend *> backends, size_t matmuls) {
    auto with = llvm::find_if(backends, [](const Backend *b) { return has(*b, ComputeMode::I8); });
    auto without = llvm::find_if(backends, [](const Backend *b) { return !has(*b, ComputeMode::I8); });
    if (with != backends.end())
      getOperation().emitRemark("the code of family '")
          << (*with)->family() << "' " << kFallsBack << " f32 in " << matmuls
          << " matmuls that could be i8, since family '" << (*without)->family()
          << "' has no i8 and a matmul has one mode; a program for each has both";
  }

  LogicalResult requireHonourable(ArrayRef<const Backend *> backends) {
    if (act == "auto")
      return success();
    std::optional<ComputeMode> mode = phiq::symbolizeComputeMode(act);
    if (!mode)
      return getOperation().emitError("unknown activations '") << act.getValue() << "'; use auto, i8 or f32";
    for (const Backend *backend : backends)
      if (!has(*backend, *mode))
        return getOperation().emitError("activations ")
               << act.getValue() << " have no kernels in family '" << backend->family() << "'; use auto, "
               << llvm::join(llvm::map_range(backend->modes(), phiq::stringifyComputeMode), " or ");
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

  void assign(phiq::MatmulOp op, bool isI8, bool isOffered) {
    op.setCompute(isI8 ? ComputeMode::I8 : ComputeMode::F32);
    if (!isI8 && act != "f32" && isOffered && canComputeI8(op))
      op.emitRemark("computes in f32, since another matmul of the same rows has a weight that asks for it");
  }
};

} // namespace
} // namespace phic
