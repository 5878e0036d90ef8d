//===- TilesFile.h - What phic tune found, as a file -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     {"x86-64-v3": {"decode": {"columns": 32, "rows": 1, "attend_rows": 1}, "verify": {...}, "prefill": {...}}, ...}
//
// JSON: `phic tune` writes it, `phic build --tiles` reads it. A level that is not in it has its own table.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_REQUEST_TILESFILE_H
#define PHIC_COMPILER_REQUEST_TILESFILE_H

#include "compiler/Options.h"
#include "llvm/Support/Error.h"

namespace phic {

/// Errors name the file, the place in it, what is there and what may be.
llvm::Expected<TilesOfLevels> readTilesFile(const std::string &path);
/// The same from text; `name` is for what errors say.
llvm::Expected<TilesOfLevels> parseTiles(llvm::StringRef text, llvm::StringRef name);
std::string printTiles(const TilesOfLevels &tiles);

} // namespace phic

#endif // PHIC_COMPILER_REQUEST_TILESFILE_H
