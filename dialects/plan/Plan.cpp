//===- Plan.cpp - Attributes and ops of plan -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dialects/plan/Plan.h"
#include "dialects/phiq/Phiq.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include <numeric>

using namespace mlir;
using namespace phic::plan;

#include "dialects/plan/PlanDialect.cpp.inc"
#include "dialects/plan/PlanEnums.cpp.inc"
#include "dialects/plan/PlanLayouts.cpp.inc"
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

LogicalResult CacheLayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t strips, int64_t keyGroup,
                                      int64_t valueGroup, int64_t contextStep) {
  if (strips < 1 || keyGroup < 1 || valueGroup < 1 || contextStep < 1)
    return emitError() << "requires positive numbers";
  if (contextStep % keyGroup || contextStep % valueGroup)
    return emitError() << "requires a context of whole groups: " << contextStep << " is no multiple of " << keyGroup
                       << " and " << valueGroup;
  return success();
}

static int64_t cacheIndex(const CacheElement &which, int64_t strips, int64_t group) {
  const int64_t heads = which.heads / strips, width = heads * which.headDim;
  const int64_t column = which.head % heads * which.headDim + which.element;
  const int64_t row = which.head / heads * (which.context / group) + which.position / group;
  return (row * width + column) * group + which.position % group;
}

int64_t CacheLayoutAttr::keyIndex(const CacheElement &which) const {
  return cacheIndex(which, getStrips(), getKeyGroup());
}

int64_t CacheLayoutAttr::valueIndex(const CacheElement &which) const {
  return cacheIndex(which, getStrips(), getValueGroup());
}

LogicalResult TilesAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t columns, int64_t rows) {
  if (columns < 1 || rows < 1)
    return emitError() << "requires positive numbers, found " << columns << " and " << rows;
  return success();
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
  if (getTiles() && !llvm::all_of(*getTiles(), [](NamedAttribute tiles) { return isa<TilesAttr>(tiles.getValue()); }))
    return emitOpError("requires a #plan.tiles for each entry point");
  // (C2)
  for (auto dequantize : block.getOps<phiq::DequantizeOp>())
    if (isa<BlockArgument>(dequantize.getX()) && !dequantize.getX().getType().isDynamicDim(0))
      return dequantize.emitOpError("dequantizes a weight outside the kernel that uses it");
  return success();
}

int64_t phic::plan::contextStepOf(ModuleOp module) {
  int64_t step = 1;
  for (auto cache : module.getOps<phiq::CacheOp>())
    if (auto layout = cache->getAttrOfType<CacheLayoutAttr>(PlanDialect::kCacheLayout))
      step = std::lcm(step, layout.getContextStep());
  return step;
}
