//===- AbacusDialect.h - Attributes of the abacus --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `#abacus.strips<width = 5, block = 32, minima = false>`: the layout of a weight, see Program.h.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_TARGETS_ABACUS_BACKEND_ABACUSDIALECT_H
#define PHIC_TEST_TARGETS_ABACUS_BACKEND_ABACUSDIALECT_H

#include "dialects/plan/Plan.h"
#include "mlir/IR/Dialect.h"

#include "test/targets/abacus/backend/AbacusDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "test/targets/abacus/backend/AbacusAttrs.h.inc"

#endif // PHIC_TEST_TARGETS_ABACUS_BACKEND_ABACUSDIALECT_H
