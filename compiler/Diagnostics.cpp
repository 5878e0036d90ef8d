//===- Diagnostics.cpp - What the user reads -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace phic {
namespace {

void printLocation(Location location, llvm::raw_ostream &os) {
  if (auto name = dyn_cast<NameLoc>(location)) {
    os << "'" << name.getName().getValue() << "': ";
  } else if (auto file = dyn_cast<FileLineColLoc>(location)) {
    os << file.getFilename().getValue() << ":" << file.getLine() << ":" << file.getColumn() << ": ";
  } else if (auto fused = dyn_cast<FusedLoc>(location)) {
    if (!fused.getLocations().empty())
      printLocation(fused.getLocations().front(), os);
  } else if (auto call = dyn_cast<CallSiteLoc>(location)) {
    printLocation(call.getCallee(), os);
  }
}

StringRef severityName(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Remark:
    return "remark";
  case DiagnosticSeverity::Note:
    return "note";
  }
  return "";
}

void print(const Diagnostic &diagnostic, llvm::raw_ostream &os) {
  os << "phic: " << severityName(diagnostic.getSeverity()) << ": ";
  printLocation(diagnostic.getLocation(), os);
  os << diagnostic << "\n";
}

} // namespace

DiagnosticPrinter::DiagnosticPrinter(MLIRContext *context, llvm::raw_ostream &os, bool showRemarks)
    : ScopedDiagnosticHandler(context) {
  setHandler([this, &os, showRemarks](Diagnostic &diagnostic) {
    errorCount += diagnostic.getSeverity() == DiagnosticSeverity::Error;
    bool isRemark = diagnostic.getSeverity() == DiagnosticSeverity::Remark;
    fallbackCount += isRemark && StringRef(diagnostic.str()).contains("falls back");
    if (isRemark && !showRemarks)
      return;
    print(diagnostic, os);
    for (Diagnostic &note : diagnostic.getNotes())
      print(note, os);
  });
}

} // namespace phic
