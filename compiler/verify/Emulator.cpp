//===- Emulator.cpp - Runs programs of other machines ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// QEMU's user mode runs an ARM program as a process of this machine. Which processor
// it plays, and so which CPU level the program chooses, is QEMU_CPU's to say. A program
// for macOS runs in test/emulators/macos, itself an ARM program. x86-64 levels that this
// machine lacks run in test/emulators/avx512, levels of GPUs on the drivers beside it.
//===----------------------------------------------------------------------===//
#include "compiler/verify/Emulator.h"
#include "compiler/files/InputFile.h"
#include "compiler/link/Linker.h"
#include "targets/Backend.h"
#include "llvm/BinaryFormat/ELF.h"
#include "llvm/BinaryFormat/MachO.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include <cstring>

using namespace llvm;

namespace phic {
namespace {

enum class EmulatedSystem { This, ArmLinux, ArmMacos };

/// What a program is for; This, if it is none that phic makes for another machine.
EmulatedSystem systemOf(const std::string &program) {
  union {
    ELF::Elf64_Ehdr elf;
    MachO::mach_header_64 macho;
  } header = {};
  const std::string bytes = headOf(program, sizeof(header));
  if (bytes.size() < sizeof(header))
    return EmulatedSystem::This;
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.macho.magic == MachO::MH_MAGIC_64)
    return EmulatedSystem::ArmMacos;
  return header.elf.checkMagic() && header.elf.e_machine == ELF::EM_AARCH64 ? EmulatedSystem::ArmLinux
                                                                            : EmulatedSystem::This;
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
  const EmulatedSystem system = systemOf(program);
  std::vector<std::string> words = {path};
  if (system == EmulatedSystem::ArmMacos) {
    std::string macos = runtimeDirectory("arm64-macos") + "/run-macos";
    if (!sys::fs::exists(macos))
      return createStringError(program + " is for macOS, and " + macos +
                               " is missing: this phic was built without musl for arm64");
    words.insert(words.begin(), macos);
  }
  if (kHostIsArm || system == EmulatedSystem::This)
    return words;
  for (const char *name : {"qemu-aarch64", "qemu-aarch64-static"})
    if (ErrorOr<std::string> emulator = sys::findProgramByName(name)) {
      words.insert(words.begin(), *emulator);
      return words;
    }
  return createStringError(program + " is for aarch64, which this machine is not, and qemu-aarch64 is not on the PATH "
                                     "(package qemu-user)");
}

Emulator::Kind Emulator::kindFor(const Target &level) {
  return &backendOf(level) == &hostBackend() ? Kind::Machine : Kind::Driver;
}

bool Emulator::plays(const Target &level) { return backendOf(level).runsOn(level, *systemByName("x86_64-linux")); }

Expected<Emulator> Emulator::find(const Target &level) {
  // <prefix>/lib/phic/ or <source>/build/lib/phic/
  const std::string systems = runtimeDirectory("");
  StringRef prefix = sys::path::parent_path(sys::path::parent_path(StringRef(systems).rtrim('/')));
  const Kind kind = kindFor(level);
  const std::string family(level.family);
  const std::vector<std::string> places =
      kind == Kind::Machine
          ? std::vector<std::string>{"share/phic/emulators/avx512/run-avx512", "../test/emulators/avx512/run-avx512"}
          : std::vector<std::string>{"lib/phic-emulators/" + family, "test/emulators/" + family + "/lib"};
  for (const std::string &place : places) {
    SmallString<256> path = prefix;
    sys::path::append(path, place);
    if (kind == Kind::Machine ? sys::fs::can_execute(path) : sys::fs::is_directory(path))
      return Emulator(kind, path.str().str());
  }
  return createStringError("this machine does not run " + std::string(level.name) + ", and there is no emulator " +
                           prefix.str() + "/" + places.front());
}

std::vector<std::string> Emulator::command(ArrayRef<std::string> words, const std::string &file) const {
  uint64_t bytes = 0;
  sys::fs::file_size(words.front(), bytes); // the emulator says what is wrong with a file that is not there
  const uint64_t megabytes = std::min(kMostMegabytes, kMegabytes + 2 * (bytes >> 20));
  std::vector<std::string> command = {path, "--timeout", "0", "--memory", std::to_string(megabytes), "--fd3", file};
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

std::vector<std::string> Emulator::environment() const {
  constexpr const char *kFolders = "LD_LIBRARY_PATH";
  const std::optional<std::string> before = sys::Process::GetEnv(kFolders);
  return {kFolders + ("=" + path) + (before ? ":" + *before : "")};
}

} // namespace phic
