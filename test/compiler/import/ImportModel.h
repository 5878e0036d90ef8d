//===- ImportModel.h - Imports a model as phic build does ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_COMPILER_IMPORT_IMPORTMODEL_H
#define PHIC_TEST_COMPILER_IMPORT_IMPORTMODEL_H

#include "compiler/import/Importer.h"
#include "gtest/gtest.h"

namespace phic {

/// By whichever importer claims the path; null after a failure of the test, or the importer's own diagnostics.
inline mlir::OwningOpRef<mlir::ModuleOp> importModel(mlir::MLIRContext &context, const std::string &path,
                                                     const ImportOptions &options) {
  NoModel why;
  std::optional<ModelPath> model = findModel(path, why);
  EXPECT_TRUE(model) << why.reason;
  return model ? model->importer->read(context, *model, options) : nullptr;
}

} // namespace phic

#endif // PHIC_TEST_COMPILER_IMPORT_IMPORTMODEL_H
