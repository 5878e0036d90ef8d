//===- ReadManifest.h - What a program says, read back ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_MANIFEST_READMANIFEST_H
#define PHIC_COMPILER_MANIFEST_READMANIFEST_H

#include "compiler/files/Json.h"

namespace phic {

/// The manifest of `file`, which may be anybody's: an object whose keys, where it has them, hold what makeManifest writes there.
/// "prog: the manifest is damaged: 'kernels' ..." otherwise. Keys that makeManifest does not know may hold anything.
/// What is packed in its plans is where that of others is.
llvm::Expected<Json> readManifest(llvm::StringRef text, llvm::StringRef file);

} // namespace phic

#endif // PHIC_COMPILER_MANIFEST_READMANIFEST_H
