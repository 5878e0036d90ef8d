//===- Phiq.h - The phiq dialect -------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_DIALECTS_PHIQ_PHIQ_H
#define PHIC_DIALECTS_PHIQ_PHIQ_H

#include "dialects/phiq/RowExpr.h"
#include "dialects/phiq/RowFacts.h"
#include "dialects/phiq/Rows.h"
#include "dialects/phiq/StoredAs.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/Hashing.h"

namespace phic {
/// For the uniquing of `!phiq.block`.
llvm::hash_code hash_value(const BlockFormat &format);
llvm::hash_code hash_value(const StoredAs &storedAs);

/// What a meaning may look at (Meanings.h).
class Scope;
} // namespace phic

namespace mlir {
/// `"rtn"`: the name of a row of Formats.def.
template <> struct FieldParser<phic::ConvertMethod> {
  static FailureOr<phic::ConvertMethod> parse(AsmParser &parser);
};
} // namespace mlir

#include "dialects/phiq/PhiqDialect.h.inc"
#include "dialects/phiq/PhiqEnums.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/phiq/PhiqTypes.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/phiq/PhiqAttrs.h.inc"
#include "dialects/phiq/PhiqInterfaces.h.inc"
#define GET_OP_CLASSES
#include "dialects/phiq/PhiqOps.h.inc"

namespace phic::phiq {
/// How elements of a float type are stored; None of any other type.
Scalar scalarOf(mlir::Type type);
} // namespace phic::phiq

#endif // PHIC_DIALECTS_PHIQ_PHIQ_H
