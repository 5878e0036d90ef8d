//===- StoredAs.h - How a weight's bytes are arranged ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row of Formats.def, or one that a plugin adds: what `layout` of a phiq.weight
// names, looked up once, where it is parsed. No MLIR in here.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_STOREDAS_H
#define PHIC_DIALECTS_PHIQ_STOREDAS_H

#include "dialects/phiq/BlockStorage.h"

namespace phic {

class StoredAs {
public:
  StoredAs(StorageLayout layout) : own(layout) {}
  /// A plugin's row, which lives as long as the context.
  explicit StoredAs(const BlockStorage *row) : row(row) {}

  std::string_view name() const { return row ? std::string_view(row->name) : storageLayoutName(own); }
  /// The row of a plugin; null: one of phic's.
  const BlockStorage *added() const { return row; }
  /// One of phic's own; nothing: a plugin's.
  std::optional<StorageLayout> layout() const { return row ? std::nullopt : std::optional(own); }

  /// As checkStorage of Formats.h.
  std::string check(const BlockFormat *format, Scalar element, int64_t rows, int64_t columns,
                    const std::vector<uint64_t> &lengths) const {
    return row ? checkStorage(*row, format, rows, columns, lengths)
               : checkStorage(own, format, element, rows, columns, lengths);
  }

  bool operator==(const StoredAs &) const = default;

private:
  StorageLayout own = StorageLayout::DenseNK;
  const BlockStorage *row = nullptr;
};

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_STOREDAS_H
