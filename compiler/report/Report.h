//===- Report.h - What a build came to, on request -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `--report`: every weight's format, error and kernel, the totals, and what the
// program will need and do at most. Made from a module of the `precision` phase or
// a later one: each phase adds what it knows.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_REPORT_REPORT_H
#define PHIC_COMPILER_REPORT_REPORT_H

#include "compiler/report/Prediction.h"
#include "compiler/request/BuildRequest.h"
#include "passes/precision/PrecisionReport.h"
#include <optional>

namespace phic {

struct Report {
  std::string model;                     ///< its name
  const BuildRequest &request;           ///< what was asked for
  PrecisionReport precision;
  std::optional<Prediction> prediction;  ///< from `layout` on

  void print(llvm::raw_ostream &os) const;
  std::string toJson() const;
};

/// `module` has been through request.last, and its conversions have been measured.
Report makeReport(mlir::ModuleOp module, const BuildRequest &request, uint64_t tokenizerBytes);

/// The report in the format that the request asks for.
std::string reportText(const Report &report);

} // namespace phic

#endif // PHIC_COMPILER_REPORT_REPORT_H
