//===- program_fuzz.cpp - Any bytes as a program of phic's -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `phic inspect` and `phic verify` open: an ELF or Mach-O program, a library, an object, an archive, and a file of
// weights. The corpus holds one of each, as make_programs.py makes them.
//===----------------------------------------------------------------------===//
#include "FuzzFile.h"
#include "compiler/link/ProgramFile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const phic::fuzz::FuzzFile file(data, size);
  llvm::Expected<phic::ProgramFile> program = phic::ProgramFile::open(file.path());
  if (!program) {
    llvm::consumeError(program.takeError());
    return 0;
  }
  // What was accepted can be read, to the last byte.
  unsigned sum = 0;
  for (char byte : program->manifest())
    sum += uint8_t(byte);
  llvm::consumeError(program->verifyWeights());
  llvm::consumeError(program->openSidecar(file.path()));
  return sum == 1u << 31; // never
}
