//===- CheckPrinter.h - A check's report as text or JSON -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_CHECK_CHECKPRINTER_H
#define PHIC_COMPILER_CHECK_CHECKPRINTER_H

#include "compiler/check/Check.h"

namespace phic {

/// A table for people. Findings are not in it: printFindings.
void printText(const CheckReport &report, llvm::raw_ostream &os);
/// One object with everything, findings too.
void printJson(const CheckReport &report, llvm::raw_ostream &os);
/// As phic build prints them.
void printFindings(const CheckReport &report, llvm::raw_ostream &os);

} // namespace phic

#endif // PHIC_COMPILER_CHECK_CHECKPRINTER_H
