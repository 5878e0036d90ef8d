//===- CompilerFiles.h - The files that phic itself is made of -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An output is a function of the model, the options, and the compiler: the
// executable, the libraries that generate code or decide about text (libphic,
// libHalide, LLVM, MLIR, ICU), and the prebuilt runtime that is linked in.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_CACHE_COMPILERFILES_H
#define PHIC_COMPILER_CACHE_COMPILERFILES_H

#include <string>
#include <vector>

namespace phic {

struct CompilerFile {
  std::string path;     ///< absolute
  std::string buildId;  ///< the linker's, in hexadecimal; empty where there is none
};

/// Of this process: the executable and those libraries, as they were loaded.
std::vector<CompilerFile> loadedCompilerFiles();

/// Below `<lib>/phic/`, for every system that phic can compile for; sorted.
std::vector<std::string> runtimeFiles();
/// All of these.
std::vector<std::string> filesOfPhic();

} // namespace phic

#endif // PHIC_COMPILER_CACHE_COMPILERFILES_H
