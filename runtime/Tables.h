//===- Tables.h - How tables are read --------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A blob's hash says that it is as it was written, not who wrote it. So nothing in it is an index to be trusted: every
// table is read through a TableView, which has an answer for all of them.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_TABLES_H
#define PHI_RUNTIME_TABLES_H

#include "phi/tokenizer.h"

namespace phi {

/// Whether the blob's hash, at `hashAt`, is that of its bytes: before any offset in it is followed.
bool tablesAreWhole(const uint8_t *blob, uint32_t bytes, uint32_t hashAt);

/// A table that lies in its blob. What is beyond its end is zero: no range, no merge, an empty text.
template <typename T> class TableView {
public:
  TableView(const uint8_t *blob, const phi_table &table)
      : first(reinterpret_cast<const T *>(blob + table.offset)), count(table.count) {}

  const T &operator[](uint32_t index) const { return index < count ? first[index] : kNothing; }
  /// The elements [from, from + size), or null where they are not all there.
  const T *run(uint32_t from, uint32_t size) const {
    return from <= count && size <= count - from ? first + from : nullptr;
  }
  uint32_t size() const { return count; }

private:
  static constexpr T kNothing = {};
  const T *first;
  uint32_t count;
};

} // namespace phi

#endif // PHI_RUNTIME_TABLES_H
