//===- Link.h - The last phase: a module becomes a program -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_LINK_LINK_H
#define PHIC_COMPILER_LINK_LINK_H

#include "compiler/Options.h"
#include "compiler/import/ModelPath.h"
#include "mlir/IR/BuiltinOps.h"

namespace llvm {
class raw_ostream;
}

namespace phic {

class InputFiles;

/// Emits the object code of a module that has been through `target`, compiles
/// the model's tokenizer, packs its weights and writes what options.emit names.
/// `inputs` is told of the tokenizer's files.
ExitCode linkModel(mlir::ModuleOp module, const ModelPath &model, const Options &options, InputFiles &inputs,
                   llvm::raw_ostream &log);

} // namespace phic

#endif // PHIC_COMPILER_LINK_LINK_H
