//===- ProgramFile.h - Appends manifest and weights ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last step of a link: the file as LLD left it, without its section table,
// then the manifest, a section table that knows all, and page-aligned at the end
// the weights with their trailer:
//
//     headers | constants, model, tables | code | data | manifest | section table | weights | trailer
//
// Only the weight segment's size and place in the headers change.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_PROGRAMFILE_H
#define PHIC_COMPILER_LINK_PROGRAMFILE_H

#include "compiler/link/Linker.h"

namespace phic {

/// Writes the program made of `linked` (an ELF file that LLD wrote with
/// runtime/program.ld) and `parts` into the empty file `fd`.
llvm::Error writeProgramFile(llvm::StringRef linked, const ProgramParts &parts, int fd);

} // namespace phic

#endif // PHIC_COMPILER_LINK_PROGRAMFILE_H
