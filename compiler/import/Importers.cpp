//===- Importers.cpp - The list of the kinds of models ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one place that importers are linked to; everybody else asks for all of them.
//===----------------------------------------------------------------------===//
#include "compiler/import/Importer.h"

namespace phic {

#define PHIC_IMPORTER(FUNCTION) const Importer &FUNCTION();
#include "compiler/import/Importers.def"
#undef PHIC_IMPORTER

llvm::ArrayRef<const Importer *> allImporters() {
  static const Importer *const kImporters[] = {
#define PHIC_IMPORTER(FUNCTION) &FUNCTION(),
#include "compiler/import/Importers.def"
#undef PHIC_IMPORTER
  };
  return kImporters;
}

} // namespace phic
