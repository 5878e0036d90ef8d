//===- Emulator.cpp - Runs programs of other machines ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// QEMU's user mode runs an ARM program as a process of this machine. Which processor
// it plays, and so which CPU level the program chooses, is QEMU_CPU's to say. x86-64
// levels that this machine lacks run in test/emulators/avx512.
//===----------------------------------------------------------------------===//
#include "compiler/verify/Emulator.h"
#include "compiler/link/Linker.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
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

/// Of the emulated machine, beside the program's own file.
constexpr uint64_t kMegabytes = 256, kMostMegabytes = 2000;

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

Expected<Avx512Emulator> Avx512Emulator::find(const Target &level) {
  // <prefix>/lib/phic/ or <source>/build/lib/phic/
  const std::string systems = runtimeDirectory("");
  StringRef prefix = sys::path::parent_path(sys::path::parent_path(StringRef(systems).rtrim('/')));
  for (const char *script : {"share/phic/emulators/avx512/run-avx512", "../test/emulators/avx512/run-avx512"}) {
    SmallString<256> path = prefix;
    sys::path::append(path, script);
    if (sys::fs::can_execute(path))
      return Avx512Emulator(path.str().str());
  }
  return createStringError("this machine does not run " + std::string(level.name) + ", and there is no emulator " + prefix.str() +
                           "/share/phic/emulators/avx512/run-avx512");
}

std::vector<std::string> Avx512Emulator::command(ArrayRef<std::string> words, const std::string &file) const {
  uint64_t bytes = 0;
  sys::fs::file_size(words.front(), bytes); // the emulator says what is wrong with a file that is not there
  const uint64_t megabytes = std::min(kMostMegabytes, kMegabytes + 2 * (bytes >> 20));
  std::vector<std::string> command = {path, "--timeout", "0", "--memory", std::to_string(megabytes), "--fd3", file};
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

} // namespace phic
