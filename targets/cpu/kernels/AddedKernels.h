//===- AddedKernels.h - Kernels that plugins make --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows that come before phic's own kernels: the first that claims a stage emits its
// code, the first that claims a region builds it. Held by the plan dialect of a
// context, so that compilations in one process do not see each other's plugins.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_KERNELS_ADDEDKERNELS_H
#define PHIC_TARGETS_CPU_KERNELS_ADDEDKERNELS_H

#include "mlir/IR/DialectInterface.h"
#include "targets/cpu/kernels/StageEmitter.h"
#include "targets/cpu/regions/RegionRow.h"

namespace phic {

/// A kernel for whole stages. `emit` does what emitMatmulStage and its like do (StageEmitter.h), and may call them.
struct StageKernelRow {
  std::string name; ///< what `phic inspect` calls the generator
  std::function<bool(const StageFacts &facts, const CpuTarget &target, MClass mClass)> claims;
  std::function<mlir::FailureOr<StageKernel>(KernelLibrary &library, const StageFacts &facts, const CpuTarget &target,
                                             MClass mClass)>
      emit;
};

// What PluginRegistry::addKernel asks.
/// For the plugin's user; empty: nothing.
std::string whatIsWrong(const StageKernelRow &row);
void addRowTo(mlir::Dialect &plan, StageKernelRow row);

class AddedKernels : public mlir::DialectInterface::Base<AddedKernels> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(AddedKernels)
  explicit AddedKernels(mlir::Dialect *dialect) : Base(dialect) {}

  /// Those of a context, or nullptr.
  static const AddedKernels *of(mlir::MLIRContext *context) {
    auto *dialect = context->getLoadedDialect<plan::PlanDialect>();
    return dialect ? dialect->getRegisteredInterface<AddedKernels>() : nullptr;
  }

  const RegionRow *region(llvm::StringRef name) const {
    auto found = llvm::find_if(regions, [&](const RegionRow &row) { return row.name == name; });
    return found == regions.end() ? nullptr : &*found;
  }

  std::vector<StageKernelRow> stages;
  std::vector<RegionRow> regions;

  /// On a kernel, and on the declaration of a region: the row that makes it.
  static constexpr llvm::StringLiteral kGenerator = "phic.generator";
};

} // namespace phic

#endif // PHIC_TARGETS_CPU_KERNELS_ADDEDKERNELS_H
