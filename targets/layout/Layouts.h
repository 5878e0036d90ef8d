//===- Layouts.h - Which layout is for what --------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a backend answers whose kernels read panels: of two that do, a program holds one
// copy of the weights.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TARGETS_LAYOUT_LAYOUTS_H
#define PHIC_TARGETS_LAYOUT_LAYOUTS_H

#include "targets/Backend.h"

namespace phic::panels {

/// As Backend's questions of the same names.
plan::WeightLayout weightLayout(const WeightUse &use, std::string *why);
plan::CacheLayoutAttr cacheLayout(phiq::CacheOp cache);
RowLayout rowLayout(mlir::ShapedType rows);

} // namespace phic::panels

#endif // PHIC_TARGETS_LAYOUT_LAYOUTS_H
