//===- EmitPrecisionReport.cpp - Say what was chosen -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Collects each weight's format and compute mode, and prints them as a table. The IR
// is left as it is.
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"
#include "passes/precision/PrecisionReport.h"
#include "llvm/Support/raw_ostream.h"

namespace phic {
#define GEN_PASS_DEF_EMITPRECISIONREPORTPASS
#include "passes/Passes.h.inc"

namespace {

struct EmitPrecisionReport : impl::EmitPrecisionReportPassBase<EmitPrecisionReport> {
  void runOnOperation() override {
    collectPrecision(getOperation()).print(llvm::outs());
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace phic
