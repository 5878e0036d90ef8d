//===- GgufModel.h - A GGUF model in one file or several -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// llama.cpp splits models into NAME-00001-of-00002.gguf and so on: the first part has the metadata, every part a table of
// its own tensors.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_GGUF_GGUFMODEL_H
#define PHIC_COMPILER_IMPORT_GGUF_GGUFMODEL_H

#include "compiler/import/gguf/GgufReader.h"
#include <string>

namespace phic {
class InputFiles;
}

namespace phic::gguf {

/// "NAME-00001-of-00002.gguf"
struct PartName {
  std::string name;
  unsigned part = 1, count = 1; ///< parts count from 1

  static std::optional<PartName> parse(llvm::StringRef fileName);
  std::string fileName(unsigned part) const;
};

class GgufModel {
public:
  /// Maps and checks the file, and all other parts of a model whose first part it is.
  static llvm::Expected<GgufModel> open(const std::string &path, InputFiles *inputs = nullptr);

  /// The part with the metadata.
  const GgufFile &metadata() const { return *parts.front(); }
  llvm::ArrayRef<std::unique_ptr<GgufFile>> files() const { return parts; }
  /// Without their folder.
  llvm::ArrayRef<std::string> fileNames() const { return names; }
  uint64_t tensors() const;

private:
  std::vector<std::string> names;
  std::vector<std::unique_ptr<GgufFile>> parts;
};

} // namespace phic::gguf

#endif // PHIC_COMPILER_IMPORT_GGUF_GGUFMODEL_H
