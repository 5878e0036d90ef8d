//===- Layouts.cpp - Which layout is for what ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/layout/Layouts.h"
#include "targets/layout/CacheOrder.h"
#include "targets/layout/PanelsDialect.h"

using namespace mlir;

namespace phic::panels {

static std::optional<PackedLayout> packedLayoutFor(const WeightUse &use, std::string *why) {
  if (use.kind != WeightUse::Kind::Matrix)
    return PackedLayout::dense(use.type.getElementType().isInteger(8) ? phiq::scalarOf(use.type.getElementType())
                                                                      : Scalar::F32);
  if (auto block = dyn_cast<phiq::BlockType>(use.type.getElementType()))
    return PackedLayout::blockPanel(block.getFormat(), use.columns(), why);
  const Scalar element = phiq::scalarOf(use.type.getElementType());
  return isFloat(element) ? PackedLayout::floatPanel(element) : PackedLayout::codePanel(element);
}

plan::WeightLayout weightLayout(const WeightUse &use, std::string *why) {
  std::optional<PackedLayout> layout = packedLayoutFor(use, why);
  return layout ? plan::WeightLayout(LayoutAttr::get(use.type.getContext(), *layout)) : plan::WeightLayout();
}

plan::CacheLayoutAttr cacheLayout(phiq::CacheOp cache) {
  return plan::CacheLayoutAttr::get(cache.getContext(), /*strips=*/int64_t(cache.getHeads()), kKeyGroup,
                                    /*value_group=*/1, kContextStep);
}

RowLayout rowLayout(ShapedType rows) {
  const int64_t columns = rows.getShape().back();
  auto block = dyn_cast<phiq::BlockType>(rows.getElementType());
  if (!block)
    return {floatRowBytes(columns)};
  const QuantizedRow row{columns, block.getFormat().block};
  return {row.rowBytes(), row.scalesOffset(), row.sumsOffset()};
}

} // namespace phic::panels
