//===- PredictionPrinter.h - Predictions as text or JSON -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory and speed as `phic check` and `phic build --report` say them.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_REPORT_PREDICTIONPRINTER_H
#define PHIC_COMPILER_REPORT_PREDICTIONPRINTER_H

#include "compiler/files/Json.h"
#include "compiler/report/Prediction.h"
#include "llvm/Support/raw_ostream.h"

namespace phic {

void printMemory(const Prediction &prediction, llvm::raw_ostream &os);
void printSpeed(const Prediction &prediction, llvm::raw_ostream &os);

/// Keys: memory, machine, speed.
Json predictionJson(const Prediction &prediction);

} // namespace phic

#endif // PHIC_COMPILER_REPORT_PREDICTIONPRINTER_H
