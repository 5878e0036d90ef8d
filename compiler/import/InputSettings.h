//===- InputSettings.h - What users say of a graph's inputs ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The flags --shape, --dim, --const and --state, taken apart: no name is in a list twice, every size is positive. Whether
// the graph has such names, and what it says of them itself, only its importer knows.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IMPORT_INPUTSETTINGS_H
#define PHIC_COMPILER_IMPORT_INPUTSETTINGS_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace phic {

struct InputSettings {
  std::vector<std::pair<std::string, std::vector<int64_t>>> shapes; ///< an input, all its sizes
  std::vector<std::pair<std::string, int64_t>> dimensions; ///< one that inputs only name, its size
  std::vector<std::pair<std::string, std::string>> constants; ///< an input, numbers or the path of a .npy file
  std::vector<std::pair<std::string, std::string>> states; ///< an output, the input that it is in the next run

  bool empty() const { return shapes.empty() && dimensions.empty() && constants.empty() && states.empty(); }
};

} // namespace phic

#endif // PHIC_COMPILER_IMPORT_INPUTSETTINGS_H
