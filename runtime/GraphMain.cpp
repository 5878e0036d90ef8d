//===- GraphMain.cpp - Where a graph's program begins ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GraphProgram.h"
#include "Os.h"

int main(int argc, char **argv) {
  const double start = phi::os::processStart();
  return phi::runGraphProgram(phi_the_model, argc, argv, {}, start);
}
