//===- GgufTensors.h - The tensors of a GGUF file --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_IMPORT_GGUF_GGUFTENSORS_H
#define PHIC_COMPILER_IMPORT_GGUF_GGUFTENSORS_H

#include "compiler/import/decoder/TensorWeights.h"
#include "compiler/import/gguf/GgufReader.h"

namespace phic::gguf {

/// The file's tensors as the decoder builder wants them; `context` knows the types that plugins read.
decoder::TensorTable tensorTable(mlir::MLIRContext *context, const GgufFile &file);

} // namespace phic::gguf

#endif // PHIC_COMPILER_IMPORT_GGUF_GGUFTENSORS_H
