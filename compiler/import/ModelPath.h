//===- ModelPath.h - What a model path names -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_IMPORT_MODELPATH_H
#define PHIC_COMPILER_IMPORT_MODELPATH_H

#include "llvm/ADT/ArrayRef.h"
#include <memory>
#include <optional>
#include <string>

namespace phic {

class Importer;

/// Importers that plugins add; they are asked before the rows of Importers.def.
using AddedImporters = llvm::ArrayRef<std::shared_ptr<const Importer>>;

struct ModelPath {
  const Importer *importer = nullptr; ///< who reads it
  std::string file;                   ///< what it reads first: the .onnx, the .gguf
  std::string directory;              ///< its folder: weight files are relative to it, tokenizer files lie in it
};

/// What the user's MODEL is: a file that an importer claims, or a folder that holds one. Bytes count more than names.
std::optional<ModelPath> findModel(const std::string &path, std::string &error, AddedImporters added = {});

/// The model that IR of `--start-from` was made from: the folder given, else the IR's own.
std::optional<ModelPath> findModelOfIr(const std::string &irPath, const std::string &directory, std::string &error,
                                       AddedImporters added = {});

} // namespace phic

#endif // PHIC_COMPILER_IMPORT_MODELPATH_H
