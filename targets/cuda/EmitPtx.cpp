//===- EmitPtx.cpp - Print a module's PTX ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For people, ptxas, and tests that look for instructions. The IR is left as it is.
//===----------------------------------------------------------------------===//
#include "targets/Backend.h"
#include "targets/cuda/Passes.h"
#include "targets/cuda/Ptx.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace phic {
#define GEN_PASS_DEF_EMITPTXPASS
#include "targets/cuda/Passes.h.inc"

namespace {

struct EmitPtx : impl::EmitPtxPassBase<EmitPtx> {
  using EmitPtxPassBase::EmitPtxPassBase;

  void runOnOperation() override {
    auto found = llvm::find_if(cudaLevels(), [&](const CudaLevel &known) { return known.name == level.getValue(); });
    if (found == cudaLevels().end() || (kind != "ptx" && kind != "llvm")) {
      getOperation().emitError("no CUDA level '")
          << level << "', or no kind of code '" << kind << "': kinds are ptx and llvm";
      return signalPassFailure();
    }
    auto text = emitPtx(getOperation(), *found, kind == "ptx" ? CodeKind::Assembly : CodeKind::LlvmIr);
    if (!text) {
      getOperation().emitError(llvm::toString(text.takeError()));
      return signalPassFailure();
    }
    llvm::outs() << *text;
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace phic
