//===- EmitPrecisionReport.cpp - Say what was chosen -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Collects each weight's format and compute mode, and prints them as a table or
// as JSON. The IR is left as it is.
//===----------------------------------------------------------------------===//
#include "passes/Passes.h"
#include "passes/precision/PrecisionReport.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

namespace phic {
#define GEN_PASS_DEF_EMITPRECISIONREPORTPASS
#include "passes/Passes.h.inc"

namespace {

struct EmitPrecisionReport : impl::EmitPrecisionReportPassBase<EmitPrecisionReport> {
  using EmitPrecisionReportPassBase::EmitPrecisionReportPassBase;

  void runOnOperation() override {
    PrecisionReport report = collectPrecision(getOperation());
    if (json)
      llvm::outs() << llvm::formatv("{0:2}\n", report.toJson());
    else
      report.print(llvm::outs());
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace phic
