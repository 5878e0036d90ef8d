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

/// Why a path names no model.
struct NoModel {
  std::string reason;
  bool isThere = false; ///< there is something, but no model that phic reads; else the path is wrong, or names several
};

/// What the user's MODEL is: a file that an importer claims, or a folder that holds one. Bytes count more than names.
std::optional<ModelPath> findModel(const std::string &path, NoModel &why, AddedImporters added = {});

/// The model that IR of `--start-from` was made from: the folder given, else the IR's own.
std::optional<ModelPath> findModelOfIr(const std::string &irPath, const std::string &directory, NoModel &why,
                                       AddedImporters added = {});

} // namespace phic

#endif // PHIC_COMPILER_IMPORT_MODELPATH_H
