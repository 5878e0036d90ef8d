//===- Emulator.cpp - Runs programs of other machines ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// QEMU's user mode runs an ARM program as a process of this machine. Which processor
// it plays, and so which CPU level the program chooses, is QEMU_CPU's to say.
//===----------------------------------------------------------------------===//
#include "compiler/verify/Emulator.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include <cstring>

using namespace llvm;

namespace phic {
namespace {

/// Of an ELF file; EM_NONE for any other.
uint16_t machineOf(const std::string &program) {
  ELF::Elf64_Ehdr header = {};
  auto bytes = MemoryBuffer::getFileSlice(program, sizeof(header), 0);
  if (!bytes || (*bytes)->getBufferSize() < sizeof(header))
    return ELF::EM_NONE;
  std::memcpy(&header, (*bytes)->getBufferStart(), sizeof(header));
  return header.checkMagic() ? header.e_machine : uint16_t(ELF::EM_NONE);
}

#if defined(__aarch64__)
constexpr bool kHostIsArm = true;
#else
constexpr bool kHostIsArm = false;
#endif

} // namespace

Expected<std::vector<std::string>> commandFor(const std::string &program) {
  // A path without a slash would be searched for.
  std::string path = program.find('/') == std::string::npos ? "./" + program : program;
  if (kHostIsArm || machineOf(program) != ELF::EM_AARCH64)
    return std::vector<std::string>{path};
  for (const char *name : {"qemu-aarch64", "qemu-aarch64-static"})
    if (ErrorOr<std::string> emulator = sys::findProgramByName(name))
      return std::vector<std::string>{*emulator, path};
  return createStringError(program + " is for aarch64, which this machine is not, and qemu-aarch64 is not on the PATH "
                                     "(package qemu-user)");
}

} // namespace phic
