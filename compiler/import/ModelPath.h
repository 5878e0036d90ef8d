//===- ModelPath.h - What a model path names -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_IMPORT_MODELPATH_H
#define PHIC_COMPILER_IMPORT_MODELPATH_H

#include <optional>
#include <string>

namespace phic {

enum class ModelKind { Onnx, Gguf };

struct ModelPath {
  ModelKind kind = ModelKind::Onnx;
  std::string file;       ///< the .onnx or .gguf file
  std::string directory;  ///< its folder: weight files are relative to it, tokenizer files lie in it
};

/// What the user's MODEL is: a directory with a model.onnx (or, failing that,
/// exactly one .gguf), an .onnx or a .gguf file. The kind follows the bytes, not the name.
std::optional<ModelPath> findModel(const std::string &path, std::string &error);

/// The model that IR of `--start-from` was made from: the folder given, else the IR's own.
std::optional<ModelPath> findModelOfIr(const std::string &irPath, const std::string &directory, std::string &error);

} // namespace phic

#endif // PHIC_COMPILER_IMPORT_MODELPATH_H
