//===- AttendFunction.h - Attention as a function --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The attention core with a C signature: what its test and its benchmark share.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_CPU_KERNELS_ATTENDFUNCTION_H
#define PHIC_TEST_TARGETS_CPU_KERNELS_ATTENDFUNCTION_H

#include "mlir/IR/BuiltinOps.h"
#include "targets/cpu/kernels/AttendCore.h"

namespace phic {

using AttendFunction = void(const float *queries, const void *keys, const void *values, float *out, int64_t rows,
                            int64_t position, void *scratch);

/// A module with the one function `attend`.
inline mlir::OwningOpRef<mlir::ModuleOp> emitAttendFunction(mlir::MLIRContext &context, const AttendShape &shape) {
  mlir::Location loc = mlir::UnknownLoc::get(&context);
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::ModuleOp::create(loc);
  KernelBuilder b(loc, &context);
  mlir::Type pointer = b.ptrType(), i64 = b.getI64Type();
  auto function = beginFunction(b, *module->getBody(), "attend",
                                {pointer, pointer, pointer, pointer, i64, i64, pointer}, mlir::LLVM::Linkage::External);
  auto a = function.getBody().front().getArguments();
  emitAttend(b, shape, {a[0], a[1], a[2], a[3], a[4], a[5], a[6]});
  mlir::LLVM::ReturnOp::create(b, mlir::ValueRange{});
  return module;
}

} // namespace phic

#endif // PHIC_TEST_TARGETS_CPU_KERNELS_ATTENDFUNCTION_H
