//===- Archive.h - An archive of one object --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `ar` would put before the object; LLVM's writer wants the whole object in
// memory, and ours has the weights in it.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_ARCHIVE_H
#define PHIC_COMPILER_LINK_ARCHIVE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace phic {

/// The archive up to its one member, which has `bytes` bytes and defines `symbol`. Its size is a multiple of 64.
llvm::Expected<std::string> archiveStart(llvm::StringRef symbol, uint64_t bytes);
/// After a member of an odd size.
inline llvm::StringRef archivePadding() { return "\n"; }

} // namespace phic

#endif // PHIC_COMPILER_LINK_ARCHIVE_H
