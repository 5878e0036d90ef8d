//===- CopyFile.h - Copies that share blocks where they can ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_CACHE_COPYFILE_H
#define PHIC_COMPILER_CACHE_COPYFILE_H

#include <string>
#include <system_error>

namespace phic {

/// The content of `from` into the empty file `to`: a clone where the file system has them (Btrfs, XFS), else a copy inside the
/// kernel. Both are files of their own afterwards.
std::error_code copyContents(const std::string &from, int to);

/// The same into a new file.
std::error_code copyFile(const std::string &from, const std::string &to);

} // namespace phic

#endif // PHIC_COMPILER_CACHE_COPYFILE_H
