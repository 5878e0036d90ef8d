//===- OutputFiles.h - Which files a run writes ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// No file that a run reads, and no part of phic, is ever written to, under whatever
// name or link; and no file is written twice. Every output is planned here, most of
// them before anything is read; OutputFile asks once more, with all that was read by
// then, before it gives the first one its name.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_FILES_OUTPUTFILES_H
#define PHIC_COMPILER_FILES_OUTPUTFILES_H

#include "compiler/files/InputFiles.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include <optional>
#include <string>
#include <vector>

namespace phic {

class OutputFiles {
public:
  /// `phic`: the files that the running phic is made of.
  OutputFiles(const InputFiles &inputs, const std::vector<std::string> &phic);

  /// `path` will be written. A failure is the user's: exit code 1.
  llvm::Error plan(llvm::StringRef path);
  bool isPlanned(llvm::StringRef path) const;
  /// Whether `path` is a file that this run has read, or that is protected.
  bool isInput(llvm::StringRef path) const;
  /// A file of the model that this run may not need, and which must stay as it is all the same.
  void protect(std::string path) { protectedFiles.look(path); }
  /// All that is planned, against all that was read until now.
  llvm::Error check() const;

private:
  /// What is one file whatever it is called: where there is none yet, its folder and the name it would have there.
  struct Identity {
    llvm::sys::fs::UniqueID id;
    std::string name;
    bool operator==(const Identity &) const = default;
  };
  static std::optional<Identity> identityOf(llvm::StringRef path);
  /// The path under which this file was read; null: it was not.
  const std::string *inputThatIs(const std::optional<Identity> &file) const;

  const InputFiles &inputs;
  InputFiles protectedFiles;
  std::vector<std::optional<Identity>> ownFiles; ///< of phic
  std::vector<std::string> paths;
};

} // namespace phic

#endif // PHIC_COMPILER_FILES_OUTPUTFILES_H
