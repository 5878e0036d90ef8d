//===- Import.h - What every importer is asked -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An importer takes a path and returns a verified module in the form that
// docs/architecture.md describes, or a null module after emitting diagnostics
// on the context (everything unsupported at once).
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_IMPORT_H
#define PHIC_COMPILER_IMPORT_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <functional>

namespace phic {

class InputFiles;

struct ImportOptions {
  /// Most positions a program will ever use: rope tables and `context_max` stop there.
  int64_t maxContext = 4096;
  /// Told of every file that is read.
  InputFiles *inputs = nullptr;
  /// Told how many of the weights' bytes have been hashed, now and then; may be empty.
  std::function<void(uint64_t done, uint64_t total)> progress = {};
};

/// compiler/import/onnx: a model builder's directory, or a path to its .onnx.
mlir::OwningOpRef<mlir::ModuleOp> importOnnx(mlir::MLIRContext &context, llvm::StringRef path,
                                             const ImportOptions &options);

/// compiler/import/gguf: a .gguf file.
mlir::OwningOpRef<mlir::ModuleOp> importGguf(mlir::MLIRContext &context, llvm::StringRef path,
                                             const ImportOptions &options);

} // namespace phic

#endif // PHIC_COMPILER_IMPORT_IMPORT_H
