//===- EntryCode.cpp - What entry points are made of -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "targets/code/EntryCode.h"
#include "dialects/plan/Entry.h"
#include "phi/format.h"
#include "llvm/Support/MathExtras.h"
#include <cstddef>

using namespace mlir;

namespace phic {

LLVM::LLVMFuncOp beginEntry(KernelBuilder &b, Block &functions, StringRef name, StringRef isa) {
  return beginFunction(b, functions, ("phi_" + name + "_" + isa).str(), {b.ptrType(), b.getI32Type()},
                       LLVM::Linkage::External);
}

/// Of models with steps the first three, else the last.
static constexpr StringLiteral kEntryPrefixes[] = {"phi_decode_", "phi_verify_", "phi_prefill_", "phi_run_"};

bool isEntryPoint(StringRef symbol) {
  return llvm::any_of(kEntryPrefixes, [&](StringRef prefix) { return symbol.starts_with(prefix); });
}

std::vector<std::string> entrySymbols(ModuleOp module, StringRef isa) {
  std::vector<std::string> symbols;
  for (StringRef prefix : kEntryPrefixes)
    if (module.lookupSymbol((prefix + isa).str()))
      symbols.push_back((prefix + isa).str());
  return symbols;
}

EntryRows::EntryRows(KernelBuilder &b, Value frame)
    : b(b), rows(b.load(b.getI64Type(), frame, offsetof(phi_frame, rows))),
      logitRows(b.sub(rows, b.load(b.getI64Type(), frame, offsetof(phi_frame, logit_row0)))) {}

Value EntryRows::tiles(plan::StageOp stage, int64_t tileRows) {
  if (std::optional<int64_t> fixed = plan::fixedRowsOf(stage))
    return b.i64(int64_t(llvm::divideCeil(uint64_t(*fixed), uint64_t(tileRows))));
  Value count = stage.getLogitRows() ? logitRows : rows;
  return tileRows == 1 ? count : b.divide(b.add(count, tileRows - 1), tileRows);
}

} // namespace phic
