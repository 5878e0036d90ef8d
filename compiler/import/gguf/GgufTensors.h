//===- GgufTensors.h - The tensors of a GGUF model -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_IMPORT_GGUF_GGUFTENSORS_H
#define PHIC_COMPILER_IMPORT_GGUF_GGUFTENSORS_H

#include "compiler/import/decoder/TensorWeights.h"
#include "compiler/import/gguf/GgufModel.h"

namespace phic::gguf {

/// The model's tensors as the decoder builder wants them; `context` knows the types that plugins read.
decoder::TensorTable tensorTable(mlir::MLIRContext *context, const GgufModel &model);

} // namespace phic::gguf

#endif // PHIC_COMPILER_IMPORT_GGUF_GGUFTENSORS_H
