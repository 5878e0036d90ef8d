//===- OutputFile.h - A file that appears when it is whole -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whoever waits for a file sees the old one, or the new one, never half of it; and
// who interrupts phic, even by SIGKILL, finds nothing left over: until `keep`, the
// bytes are in a file without a name. A file system that has no such files (NFS) gets
// a name beside the output, which SIGKILL leaves behind.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_FILES_OUTPUTFILE_H
#define PHIC_COMPILER_FILES_OUTPUTFILE_H

#include "compiler/files/OutputFiles.h"
#include "llvm/Support/FileSystem.h"
#include <optional>
#include <string>

namespace phic {

/// "cannot write prog: No space left on device".
llvm::Error cannotWrite(llvm::StringRef path, std::error_code reason);

/// Why an open file takes nothing, as far as that can be known without writing to it: it is closed, a device without room, a
/// pipe that nobody reads.
std::error_code refusalOf(int fd);

class OutputFile {
public:
  enum class Kind : uint8_t { Data, Library, Program };

  /// Checks that `path` can become a file, and plans it where that is still to be done. Devices, pipes and names of descriptors
  /// (/dev/stdout) take Data as it comes, and nothing else. `files` must outlive the result.
  static llvm::Expected<OutputFile> create(llvm::StringRef path, OutputFiles &files, Kind kind = Kind::Data);
  OutputFile(OutputFile &&other);
  /// Without `keep`, nothing of it is left.
  ~OutputFile();

  int descriptor() const { return named ? named->FD : fd; }
  const std::string &path() const { return name; }
  llvm::Error write(llvm::StringRef bytes);
  /// Gives the file its name, in one step; an older file of that name is gone then. Not while any planned output is an input.
  llvm::Error keep();

private:
  OutputFile(llvm::StringRef path, int fd, bool isStream, const OutputFiles &files)
      : name(path), files(&files), fd(fd), isStream(isStream) {}
  std::string name;
  const OutputFiles *files;
  int fd = -1;
  bool isStream = false; ///< a device, a pipe or a descriptor of ours: its bytes are where they belong
  std::optional<llvm::sys::fs::TempFile> named; ///< where a file needs a name
};

/// All of `bytes`, or an error and no change.
llvm::Error writeWhole(llvm::StringRef path, llvm::StringRef bytes, OutputFiles &files);

} // namespace phic

#endif // PHIC_COMPILER_FILES_OUTPUTFILE_H
