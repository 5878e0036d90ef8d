//===- IrFile.h - IR between phases, as a text -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What --stop-after and --dump-phases write and --start-from reads: one module up to
// kLastSharedPhase, one a family of machines after `layout`, then one a level, with
// `// -----` between them. Each says its family, and its level.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_IRFILE_H
#define PHIC_COMPILER_IRFILE_H

#include "compiler/Link.h"
#include "compiler/request/BuildRequest.h"
#include "mlir/IR/MLIRContext.h"

namespace phic {

/// The modules with locations, which are the names of the model's nodes, and with the phase that they have been through.
std::string printIr(llvm::ArrayRef<mlir::ModuleOp> modules, Phase after);

struct IrFile {
  ExitCode code = kExitSuccess; ///< else nothing was read, and the user has been told
  mlir::OwningOpRef<mlir::ModuleOp> module{}; ///< of a shared phase
  std::vector<FamilyModule> families{}; ///< of `layout`, in the file's order
  std::vector<LevelModule> levels{}; ///< of a later one, in the file's order
};

/// Reads request.model, which must be IR that request.first goes on with. MLIR's own errors go to the context's
/// diagnostics, other ones to `fail`.
IrFile readIrFile(mlir::MLIRContext &context, const BuildRequest &request,
                  llvm::function_ref<ExitCode(ExitCode, const llvm::Twine &)> fail);

} // namespace phic

#endif // PHIC_COMPILER_IRFILE_H
