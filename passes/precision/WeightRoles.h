//===- WeightRoles.h - Embeddings, LM head, the rest -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a model uses a matrix for, found from its uses and not from names.
//===----------------------------------------------------------------------===//
#ifndef PHIC_PASSES_PRECISION_WEIGHTROLES_H
#define PHIC_PASSES_PRECISION_WEIGHTROLES_H

#include "dialects/phiq/Phiq.h"
#include "mlir/IR/BuiltinOps.h"

namespace phic {

/// A matrix that a precision can be chosen for.
struct WeightRole {
  phiq::WeightOp weight;
  bool isEmbedding = false;  ///< a table of phiq.embed
  bool isLmHead = false;     ///< of the matmul that the model's result is made from; with tied embeddings both
};

/// All matrices that matmuls and embeddings read, in the order of the IR; vectors and tables of rope are not among
/// them. Requires that `quantize` has run.
llvm::SmallVector<WeightRole> findWeightRoles(mlir::ModuleOp module);

} // namespace phic

#endif // PHIC_PASSES_PRECISION_WEIGHTROLES_H
