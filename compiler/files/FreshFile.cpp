//===- FreshFile.cpp - A file that nobody had before -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/FreshFile.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"

namespace phic {

llvm::Expected<FreshFile> createFreshFile(llvm::StringRef stem, llvm::StringRef extension) {
  int descriptor = -1;
  llvm::SmallString<64> path;
  // Exclusively: a link of that name, to anywhere or nowhere, is a name that is taken.
  if (std::error_code reason = llvm::sys::fs::createUniqueFile(stem + "%%%%%%" + extension, descriptor, path))
    return llvm::createStringError(reason, "cannot write " + stem + "*" + extension + ": " + reason.message());
  return FreshFile{path.str().str(), std::make_unique<llvm::raw_fd_ostream>(descriptor, /*shouldClose=*/true)};
}

} // namespace phic
