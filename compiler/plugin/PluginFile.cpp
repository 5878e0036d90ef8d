//===- PluginFile.cpp - A plugin's file, before it is run ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the ELF header, the names of needed libraries and the dynamic symbols.
//===----------------------------------------------------------------------===//
#include "compiler/plugin/PluginFile.h"
#include "compiler/files/InputFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;

namespace phic {
namespace {

using Elf = object::ELF64LEObjectFile;
constexpr char kLlvm[] = LLVM_VERSION_STRING;

/// Names of the libraries that the loader would load with it.
Expected<SmallVector<StringRef>> neededLibraries(const Elf &elf) {
  auto entries = elf.getELFFile().dynamicEntries();
  if (!entries)
    return entries.takeError();
  uint64_t strings = 0, size = 0;
  SmallVector<uint64_t> offsets;
  for (const auto &entry : *entries) {
    if (entry.getTag() == ELF::DT_STRTAB)
      strings = entry.getPtr();
    else if (entry.getTag() == ELF::DT_STRSZ)
      size = entry.getVal();
    else if (entry.getTag() == ELF::DT_NEEDED)
      offsets.push_back(entry.getVal());
  }
  SmallVector<StringRef> names;
  if (offsets.empty())
    return names;
  auto table = elf.getELFFile().toMappedAddr(strings);
  if (!table)
    return table.takeError();
  StringRef bytes = elf.getData();
  StringRef text = bytes.substr(size_t(reinterpret_cast<const char *>(*table) - bytes.data()), size);
  for (uint64_t offset : offsets)
    names.push_back(text.substr(offset).split('\0').first);
  return names;
}

/// The version in the name of a shared LLVM or MLIR ("22.1" of libMLIR.so.22.1, "17" of libLLVM-17.so.1), or nothing.
StringRef versionOfLlvm(StringRef library) {
  for (StringRef prefix : {"libLLVM.so.", "libMLIR.so.", "libLLVM-", "libMLIR-"})
    if (library.consume_front(prefix))
      return library.split(".so").first;
  return {};
}

bool isThisLlvm(StringRef version) {
  StringRef rest = kLlvm;
  return rest.consume_front(version) && (rest.empty() || rest.front() == '.');
}

bool defines(const Elf &elf, StringRef name) {
  return llvm::any_of(elf.getDynamicSymbolIterators(), [&](const object::ELFSymbolRef &symbol) {
    Expected<StringRef> found = symbol.getName();
    Expected<uint32_t> flags = symbol.getFlags();
    bool isIt = found && flags && *found == name && !(*flags & object::SymbolRef::SF_Undefined);
    consumeError(found.takeError());
    consumeError(flags.takeError());
    return isIt;
  });
}

std::string checkElf(const Elf &elf) {
  uint16_t type = static_cast<const object::ELFObjectFileBase &>(elf).getEType();
  if (type != ELF::ET_DYN)
    return type == ELF::ET_REL ? "is an object file, not a shared library" : "is a program, not a shared library";
  if (elf.getArch() != Triple(sys::getProcessTriple()).getArch())
    return ("is made for " + Triple::getArchTypeName(elf.getArch()) + ", this phic runs on " +
            Triple::getArchTypeName(Triple(sys::getProcessTriple()).getArch()))
        .str();
  auto libraries = neededLibraries(elf);
  if (!libraries)
    return "is damaged: " + toString(libraries.takeError());
  for (StringRef library : *libraries)
    if (StringRef version = versionOfLlvm(library); !version.empty() && !isThisLlvm(version))
      return ("was built with LLVM " + version + " (it needs " + library + "), phic with LLVM " + kLlvm).str();
  if (!defines(elf, "mlirGetPassPluginInfo"))
    return "does not define mlirGetPassPluginInfo, the entry point of a pass plugin";
  return "";
}

} // namespace

std::string checkPluginFile(StringRef path) {
  if (!sys::fs::exists(path))
    return "no such file";
  if (sys::fs::is_directory(path))
    return "is a directory, not a shared library";
  auto bytes = mapInput(path);
  if (!bytes)
    return toString(bytes.takeError());
  auto file = object::createBinary((*bytes)->getMemBufferRef());
  if (!file)
    return "is not a shared library: " + toString(file.takeError());
  auto *elf = dyn_cast<Elf>(file->get());
  return elf ? checkElf(*elf) : "is not a shared library of this system";
}

} // namespace phic
