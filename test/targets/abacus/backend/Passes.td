//===- Passes.td - Passes that make the abacus's code --*- tablegen -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_ABACUS_PASSES
#define PHIC_ABACUS_PASSES

include "mlir/Pass/PassBase.td"

def EncodeStagesPass : Pass<"phic-abacus-encode-stages", "mlir::ModuleOp"> {
  let summary = "write each stage as instructions of the abacus";
  let description = [{
    ```mlir
    plan.stage "layers.0.mlp.norm" (%h, %g) {buffers = [...]}
    ->
    plan.stage "layers.0.mlp.norm" (%h, %g) {abacus.code = array<i64: 2, 22, 0, ...>, buffers = [...], kernels = {decode = @abacus_3, ...}}
    ```
    The words are those of Program.h; the three entry points of a stage are the same.
  }];
}

#endif
