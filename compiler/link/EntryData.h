//===- EntryData.h - Entries of phi_model ----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the entry points of a model bind (phi/format.h), on its way into the program and its manifest.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_ENTRYDATA_H
#define PHIC_COMPILER_LINK_ENTRYDATA_H

#include "phi/format.h"
#include <cstdint>
#include <string>
#include <vector>

namespace phic {

/// phi_binding
struct BindingData {
  std::string name;
  std::vector<int64_t> shape; ///< with the PHI_DIM_* of what is open
  uint32_t element, kind, slot, nextSlot;
  uint32_t indexLimit = 0;
  bool operator==(const BindingData &) const = default;
};

/// phi_entry_desc
struct EntryData {
  std::string name;
  std::vector<BindingData> bindings;
  uint32_t slotCount;
  int64_t mostRows; ///< 0: the plan's chunk
};

} // namespace phic

#endif // PHIC_COMPILER_LINK_ENTRYDATA_H
