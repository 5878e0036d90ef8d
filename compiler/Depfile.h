//===- Depfile.h - Tells a build system what was read ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Make's syntax, which Make, Ninja and CMake read:
//
//     out/phi35: models/phi\ 3.5/genai_config.json models/phi\ 3.5/model.onnx ...
//     models/phi\ 3.5/genai_config.json:
//
// The empty rules let a build go on to phic's own message when a file is gone.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_DEPFILE_H
#define PHIC_COMPILER_DEPFILE_H

#include "compiler/files/InputFiles.h"
#include "compiler/files/OutputFile.h"
#include <string>

namespace phic {

/// The depfile's text: each output depends on all inputs that exist, and on the files of phic itself.
std::string depfileText(llvm::ArrayRef<std::string> outputs, const InputFiles &inputs);

/// The file to be: it appears under its name when it is written, and an older one stays until then.
class Depfile {
public:
  /// Early, so that a path that cannot be written stops a compilation before it has made its output.
  static llvm::Expected<Depfile> create(llvm::StringRef path, OutputFiles &files);
  llvm::Error write(llvm::ArrayRef<std::string> outputs, const InputFiles &inputs);

private:
  explicit Depfile(OutputFile file) : file(std::move(file)) {}
  OutputFile file;
};

} // namespace phic

#endif // PHIC_COMPILER_DEPFILE_H
