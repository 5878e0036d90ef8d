//===- Main.cpp - Where a model binary begins --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Os.h"
#include "Program.h"

int main(int argc, char **argv) {
  double start = phi::os::processStart();
  return phi::runProgram(phi_the_model, argc, argv, {.isMapped = true}, start);
}
