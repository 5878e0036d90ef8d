//===- Plan.cpp - Attributes and ops of plan -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/plan/Plan.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace phic::plan;

#include "dialects/plan/PlanDialect.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/plan/PlanAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/plan/PlanOps.cpp.inc"

void PlanDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/plan/PlanAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/plan/PlanOps.cpp.inc"
      >();
}

LogicalResult StageOp::verify() {
  Block &block = getBody().front();
  // (C1)
  if (block.getArgumentTypes() != getInputs().getTypes())
    return emitOpError("requires block arguments of the types of its inputs");
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield || yield.getOperandTypes() != getResultTypes())
    return emitOpError("requires a plan.yield of the types of its results");
  if (getBuffers() && getBuffers()->size() != getNumResults())
    return emitOpError("has ") << getBuffers()->size() << " buffers for " << getNumResults() << " results";
  // (C2)
  for (auto dequantize : block.getOps<phiq::DequantizeOp>())
    if (isa<BlockArgument>(dequantize.getX()) && !dequantize.getX().getType().isDynamicDim(0))
      return dequantize.emitOpError("dequantizes a weight outside the kernel that uses it");
  return success();
}
