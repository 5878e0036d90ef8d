//===- Diagnostics.cpp - What the user reads -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/messages/Diagnostics.h"
#include "compiler/files/Console.h"
#include "mlir/IR/Location.h"
#include "targets/Backend.h"

using namespace mlir;

namespace phic {
namespace {

void printLocation(Location location, llvm::raw_ostream &os) {
  if (auto name = dyn_cast<NameLoc>(location)) {
    os << "'" << printableName(name.getName().getValue()) << "': ";
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

/// The message after the name of its node.
std::string textOf(const Diagnostic &diagnostic) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printLocation(diagnostic.getLocation(), os);
  os << diagnostic;
  return text;
}

void print(const Diagnostic &diagnostic, DiagnosticSeverity severity, llvm::raw_ostream &os) {
  os << "phic: " << severityName(severity) << ": " << textOf(diagnostic) << "\n";
}

bool isFallback(Diagnostic &diagnostic) {
  return diagnostic.getSeverity() == DiagnosticSeverity::Remark && StringRef(diagnostic.str()).contains(kFallsBack);
}

} // namespace

void DiagnosticPrinter::count(Diagnostic &diagnostic) {
  errorCount += diagnostic.getSeverity() == DiagnosticSeverity::Error;
  fallbackCount += isFallback(diagnostic);
}

DiagnosticPrinter::DiagnosticPrinter(MLIRContext *context, llvm::raw_ostream &os, Shown shown)
    : ScopedDiagnosticHandler(context) {
  setHandler([this, &os, shown](Diagnostic &diagnostic) {
    count(diagnostic);
    bool isRaised = shown.fallbacksAsErrors && isFallback(diagnostic);
    DiagnosticSeverity severity = isRaised ? DiagnosticSeverity::Error : diagnostic.getSeverity();
    if (severity == DiagnosticSeverity::Remark && !shown.remarks)
      return;
    print(diagnostic, severity, os);
    if (isRaised)
      os << "phic: note: --Werror=fallback makes this an error\n";
    for (Diagnostic &note : diagnostic.getNotes())
      print(note, note.getSeverity(), os);
  });
}

DiagnosticPrinter::DiagnosticPrinter(MLIRContext *context, std::vector<Finding> &findings)
    : ScopedDiagnosticHandler(context) {
  setHandler([this, &findings](Diagnostic &diagnostic) {
    count(diagnostic);
    Finding finding{diagnostic.getSeverity(), textOf(diagnostic), {}};
    for (Diagnostic &note : diagnostic.getNotes())
      finding.notes.push_back(textOf(note));
    findings.push_back(std::move(finding));
  });
}

} // namespace phic
