//===- DecoderBuilder.h - A decoder from numbers and weights ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checkpoints without a graph are all the same decoder: this builds it, for every container.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_DECODER_DECODERBUILDER_H
#define PHIC_COMPILER_IMPORT_DECODER_DECODERBUILDER_H

#include "compiler/import/decoder/DecoderConfig.h"
#include "compiler/import/decoder/DecoderWeights.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace phic::decoder {

/// The verified module, whose weights are ranges of `files`; or null after one error at `loc` with all reasons.
/// Programs will use positions up to `maxContext` at most.
mlir::OwningOpRef<mlir::ModuleOp> buildDecoder(mlir::Location loc, const DecoderConfig &config, DecoderWeights &weights,
                                               llvm::ArrayRef<std::string> files, int64_t maxContext);

/// The one error about a model that cannot be had; null.
mlir::OwningOpRef<mlir::ModuleOp> refuseModel(mlir::Location loc, llvm::ArrayRef<std::string> reasons);

} // namespace phic::decoder

#endif // PHIC_COMPILER_IMPORT_DECODER_DECODERBUILDER_H
