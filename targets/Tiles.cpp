//===- Tiles.cpp - Sizes of kernels that may be chosen ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/Tiles.h"

namespace phic {

std::string TileSize::str() const {
  return (step == 1 ? "an integer" : "a multiple of " + std::to_string(step)) + " from " + std::to_string(step) +
         " to " + std::to_string(most);
}

std::string tileTableText(const TileTable &table) {
  std::string text;
  for (MClass mClass : kMClasses) {
    text += (text.empty() ? "" : "/") + std::string(mClassName(mClass));
    for (char separator = ':'; int64_t size : table[unsigned(mClass)]) {
      text += separator + std::to_string(size);
      separator = 'x';
    }
  }
  return text;
}

} // namespace phic
