//===- WeightErrors.h - What conversions cost ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measures every `#phiq.conversion` of a module: reads each such weight once, a
// few rows at a time on all cores, and compares what is stored with what it is
// converted to. Sums are taken in a fixed order, whatever the number of threads.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_WEIGHTS_WEIGHTERRORS_H
#define PHIC_COMPILER_WEIGHTS_WEIGHTERRORS_H

#include "compiler/weights/ConversionError.h"
#include "compiler/weights/WeightStore.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/IR/BuiltinOps.h"

namespace phic {

/// Notes on each converted weight, as `phiq.error`, how far it is from what is stored (ConversionError.h).
/// A weight whose values are not finite, or that the format cannot hold (f16 beyond 65504), is an error that names it.
/// Weights that are noted already are left alone.
llvm::Error measureWeightErrors(mlir::ModuleOp module, WeightStore &store);
/// Whether there is anything to measure.
bool wantsMeasuring(mlir::ModuleOp module);

/// The parts of it, for whoever converts a weight himself.
llvm::Error checkFinite(phiq::WeightOp op, const ConversionSums &sums);
void noteError(phiq::WeightOp op, const ConversionError &error);

} // namespace phic

#endif // PHIC_COMPILER_WEIGHTS_WEIGHTERRORS_H
