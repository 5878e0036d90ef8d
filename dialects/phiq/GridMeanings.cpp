//===- GridMeanings.cpp - Meaning of ops on whole tensors ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One short function an op, to be read beside the op's description in GridOps.td, and one for its error bound, which is
// what moving the operands within theirs can do: the ops round as a kernel does, or not at all.
//===----------------------------------------------------------------------===//
#include "dialects/phiq/ErrorBounds.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/Meanings.h"

using namespace mlir;

namespace phic::phiq {

Rows ReshapeOp::meaning(Scope &scope) {
  Rows result = roomFor(getType());
  result.values = scope.rows(getX()).values;
  result.integers = scope.rows(getX()).integers;
  return result;
}

void ReshapeOp::bound(Scope &scope, Rows &result) { result.error = scope.rows(getX()).error; }

} // namespace phic::phiq
