//===- PanelsDialect.h - Weights in panels ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `#panels.layout<"panel8x32_u4_f16_z8">`: a PackedLayout as an attribute, with the
// interface that everything outside of the families asks (dialects/plan/Layouts.td).
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_LAYOUT_PANELSDIALECT_H
#define PHIC_TARGETS_LAYOUT_PANELSDIALECT_H

#include "dialects/plan/Plan.h"
#include "mlir/IR/Dialect.h"
#include "targets/layout/PackedLayout.h"

#include "targets/layout/PanelsDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "targets/layout/PanelsAttrs.h.inc"

namespace phic {

/// The layout of a weight or table that the layout phase has placed in panels; else nothing.
std::optional<PackedLayout> packedLayoutOf(mlir::Operation *weight);

} // namespace phic

#endif // PHIC_TARGETS_LAYOUT_PANELSDIALECT_H
