//===- Entries.h - What a model is asked for -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The entries of phi/format.h as the compiler gathers them from the planned IR, and in words.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_MANIFEST_ENTRIES_H
#define PHIC_COMPILER_MANIFEST_ENTRIES_H

#include "compiler/files/Json.h"
#include "compiler/link/EntryData.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

namespace phic {

/// Inputs, results and states of the model, as after `layout`.
std::vector<BindingData> bindingsOf(mlir::ModuleOp planned);
/// The entry points, in order of the rows that they take.
std::vector<EntryData> entriesOf(mlir::ModuleOp planned);

/// "input", "result" or "state".
llvm::StringRef bindingKindName(uint32_t kind);
/// "f32"
llvm::StringRef elementName(uint32_t element);
/// "[rows, 640]"
std::string shapeText(llvm::ArrayRef<int64_t> shape);
/// {kind, name, element, shape}, all texts.
Json bindingsJson(const std::vector<BindingData> &bindings);
/// A line each: "input   x  f32[1, 2, 8, 8]".
void printBindings(const Json &bindings, llvm::raw_ostream &os);

} // namespace phic

#endif // PHIC_COMPILER_MANIFEST_ENTRIES_H
