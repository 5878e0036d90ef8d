//===- phic-opt.cpp - One pass on one file ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What lit drives: reads IR, runs the passes named on the command line, prints IR.
//===----------------------------------------------------------------------===//
#include "compiler/Dialects.h"
#include "passes/Passes.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  phic::registerDialects(registry);
  phic::registerPhicPasses();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "phic-opt: runs phic's passes on IR\n", registry));
}
