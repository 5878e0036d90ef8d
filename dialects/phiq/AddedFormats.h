//===- AddedFormats.h - Rows of plugins beside Formats.def -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Held by the phiq dialect of a context, so that compilations in one process do
// not see each other's plugins.
//===----------------------------------------------------------------------===//
#ifndef PHIC_DIALECTS_PHIQ_ADDEDFORMATS_H
#define PHIC_DIALECTS_PHIQ_ADDEDFORMATS_H

#include "dialects/phiq/BlockStorage.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/IR/DialectInterface.h"

namespace phic {

class AddedFormats : public mlir::DialectInterface::Base<AddedFormats> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(AddedFormats)
  AddedFormats(mlir::Dialect *dialect, std::vector<BlockStorage> rows) : Base(dialect), rows(std::move(rows)) {}

  /// The row with that name or GGUF type, or nullptr.
  static const BlockStorage *byName(mlir::MLIRContext *context, llvm::StringRef name) {
    return find(context, [&](const BlockStorage &row) { return row.name == name; });
  }
  static const BlockStorage *byGgufType(mlir::MLIRContext *context, uint32_t id) {
    return find(context, [&](const BlockStorage &row) { return row.ggufType == id; });
  }

private:
  static const BlockStorage *find(mlir::MLIRContext *context, llvm::function_ref<bool(const BlockStorage &)> isIt) {
    auto *dialect = context->getLoadedDialect<phiq::PhiqDialect>();
    auto *added = dialect ? dialect->getRegisteredInterface<AddedFormats>() : nullptr;
    if (!added)
      return nullptr;
    auto found = llvm::find_if(added->rows, isIt);
    return found == added->rows.end() ? nullptr : &*found;
  }

  std::vector<BlockStorage> rows;
};

} // namespace phic

#endif // PHIC_DIALECTS_PHIQ_ADDEDFORMATS_H
