//===- CpuDialect.h - Attributes of the CPU backend ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `#cpu.layout<"panel8x32_u4_f16_z8">`: a PackedLayout as an attribute, with the
// interface that everything outside of targets/cpu asks (dialects/plan/Layouts.td).
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_CPU_CPUDIALECT_H
#define PHIC_TARGETS_CPU_CPUDIALECT_H

#include "dialects/plan/Plan.h"
#include "mlir/IR/Dialect.h"
#include "targets/cpu/layout/PackedLayout.h"

#include "targets/cpu/CpuDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "targets/cpu/CpuAttrs.h.inc"

namespace phic {

/// The layout of a weight or table that the layout phase has placed for CPUs; else nothing.
std::optional<PackedLayout> packedLayoutOf(mlir::Operation *weight);

} // namespace phic

#endif // PHIC_TARGETS_CPU_CPUDIALECT_H
