//===- ModelShape.h - What every phase takes for granted -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The model is one function of one block on tensors. Importers make it so; IR that a hand has written may hold anything that
// MLIR parses, and enters by a pass that verifies.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PASSES_MODELSHAPE_H
#define PHIC_PASSES_MODELSHAPE_H

#include "dialects/phiq/RowOps.h"

namespace phic {

/// The model's function; null after an error where it is not as all passes expect it.
inline mlir::func::FuncOp verifiedModel(mlir::ModuleOp module) {
  auto isTensor = [](mlir::Type type) { return mlir::isa<mlir::RankedTensorType>(type); };
  mlir::func::FuncOp model = modelFunction(module);
  if (!model || model.isExternal() || !model.getBody().hasOneBlock())
    module.emitError("requires the model as one function @model of one block");
  else if (!llvm::all_of(model.getArgumentTypes(), isTensor) || !llvm::all_of(model.getResultTypes(), isTensor))
    model.emitError("requires tensors of known rank as what the model takes and returns");
  else
    return model;
  return {};
}

} // namespace phic

#endif // PHIC_PASSES_MODELSHAPE_H
