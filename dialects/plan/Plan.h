//===- Plan.h - The plan dialect -------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_DIALECTS_PLAN_PLAN_H
#define PHIC_DIALECTS_PLAN_PLAN_H

#include "dialects/phiq/Formats.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace phic::plan {
/// An element of keys or values [context, heads, head_dim].
struct CacheElement {
  int64_t context, heads, headDim;
  int64_t position, head, element;
};
} // namespace phic::plan

#include "dialects/plan/PlanDialect.h.inc"
#include "dialects/plan/PlanEnums.h.inc"
#include "dialects/plan/PlanLayouts.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/plan/PlanAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.h.inc"

namespace phic::plan {
/// What the context of a session of a planned module is a multiple of, for each of its caches.
int64_t contextStepOf(mlir::ModuleOp module);
} // namespace phic::plan

#endif // PHIC_DIALECTS_PLAN_PLAN_H
