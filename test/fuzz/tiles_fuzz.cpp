//===- tiles_fuzz.cpp - Any bytes as a table of tiles ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `phic build --tiles` reads. What is accepted is printed as `phic tune` prints it, and read again.
//===----------------------------------------------------------------------===//
#include "Unpoisoned.h"
#include "compiler/request/TilesFile.h"
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto tiles = phic::parseTiles({reinterpret_cast<const char *>(data), size}, "tiles.json");
  if (!tiles) {
    llvm::consumeError(tiles.takeError());
    return 0;
  }
  const std::string printed = phic::printTiles(*tiles);
  if (phic::printTiles(llvm::cantFail(phic::parseTiles(printed, "printed"))) != printed)
    std::abort();
  return 0;
}
