//===- FreshFile.h - A file that nobody had before -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For what is written unasked, into whatever folder phic runs in: its name is none that the folder has, so that no file is
// overwritten and no link followed.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_FILES_FRESHFILE_H
#define PHIC_COMPILER_FILES_FRESHFILE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <memory>
#include <string>

namespace phic {

struct FreshFile {
  std::string path;
  std::unique_ptr<llvm::raw_fd_ostream> os;
};

/// `FreshFile::path` is `stem`, six hexadecimal digits and `extension`.
llvm::Expected<FreshFile> createFreshFile(llvm::StringRef stem, llvm::StringRef extension);

} // namespace phic

#endif // PHIC_COMPILER_FILES_FRESHFILE_H
