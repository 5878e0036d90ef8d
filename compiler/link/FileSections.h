//===- FileSections.h - Named sections of a linked file --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Of ELF and Mach-O programs, libraries and objects, and of archives of objects, by ELF's names: `.phi_model`,
// `.phi_manifest`, `.phi_tokenizer`, `.phi_weights`, `.text`; a program for Linux has `.phi_front`. The file is untrusted.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_FILESECTIONS_H
#define PHIC_COMPILER_LINK_FILESECTIONS_H

#include "targets/Target.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <map>
#include <optional>
#include <string>

namespace phic {

struct FileSection {
  uint64_t size = 0;
  uint64_t offset = 0; ///< in the file; of the weights it is unchecked, since they may be cut short
  llvm::ArrayRef<uint8_t> bytes; ///< empty for zeros that are not in the file, and for the weights
};

struct FileSections {
  enum class Kind { Program, SharedLibrary, Object, StaticLibrary };

  ObjectFormat format = ObjectFormat::Elf;
  Kind kind = Kind::Program;
  std::map<std::string, FileSection> byName;
};

llvm::Expected<FileSections> readFileSections(llvm::StringRef file);

/// phi_image_hash of a program for Linux, whose word for it is at `word`; none where its segments are not in the file.
std::optional<uint64_t> imageHash(llvm::StringRef file, uint64_t word);

/// "the file is damaged: ...".
llvm::Error damagedFile(const llvm::Twine &what);

} // namespace phic

#endif // PHIC_COMPILER_LINK_FILESECTIONS_H
