//===- CodeSignature.h - Ad-hoc signatures of Mach-O files -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// macOS on ARM runs nothing unsigned. An ad-hoc signature names nobody: it is the hash of every page, at the end of the
// file, and the system compares a page when it is first touched.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_CODESIGNATURE_H
#define PHIC_COMPILER_LINK_CODESIGNATURE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace phic {

struct SignedFile {
  llvm::StringRef identifier; ///< a name for the code, whatever the file is called
  uint64_t bytes = 0; ///< up to the signature
  uint64_t textBytes = 0; ///< of the segment __TEXT, at the file's beginning
  bool isProgram = true; ///< not a library
};

/// The signature begins at a multiple.
inline constexpr uint64_t kSignatureAlign = 16;

uint64_t signatureBytes(const SignedFile &file);
/// `contents` are all bytes before the signature.
std::string makeSignature(const SignedFile &file, llvm::ArrayRef<uint8_t> contents);

} // namespace phic

#endif // PHIC_COMPILER_LINK_CODESIGNATURE_H
