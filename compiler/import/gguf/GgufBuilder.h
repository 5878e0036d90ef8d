//===- GgufBuilder.h - GGUF tables to a phiq module ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_IMPORT_GGUF_GGUFBUILDER_H
#define PHIC_COMPILER_IMPORT_GGUF_GGUFBUILDER_H

#include "compiler/import/Importer.h"

namespace phic::gguf {

/// The decoder that the file stands for, or null after diagnostics.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(mlir::MLIRContext &context, llvm::StringRef path,
                                              const ImportOptions &options);

} // namespace phic::gguf

#endif // PHIC_COMPILER_IMPORT_GGUF_GGUFBUILDER_H
