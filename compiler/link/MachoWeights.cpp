//===- MachoWeights.cpp - The object that holds the weights ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/MachoWeights.h"
#include "compiler/link/LinkedFile.h"
#include "llvm/BinaryFormat/MachO.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/TargetParser/Triple.h"
#include <cstring>

namespace phic {
namespace {

namespace MachO = llvm::MachO;

/// Defined here, for all objects of the final link and none outside.
constexpr uint8_t kPrivateSymbol = uint8_t(MachO::N_SECT) | uint8_t(MachO::N_EXT) | uint8_t(MachO::N_PEXT);

/// Its address is its offset in the file.
MachO::section_64 makeSection(const char *segment, const char *name, uint64_t offset, uint64_t bytes, uint64_t align,
                              uint32_t flags) {
  MachO::section_64 section = {};
  std::strncpy(section.segname, segment, sizeof(section.segname));
  std::strncpy(section.sectname, name, sizeof(section.sectname));
  section.addr = offset;
  section.size = bytes;
  section.offset = uint32_t(offset);
  section.align = llvm::Log2_64(align);
  section.flags = flags;
  return section;
}

MachO::build_version_command versionOf(const System &system) {
  const llvm::VersionTuple macos = oldestMacos(system);
  const uint32_t oldest = macos.getMajor() << 16 | macos.getMinor().value_or(0) << 8;
  return {MachO::LC_BUILD_VERSION, sizeof(MachO::build_version_command), MachO::PLATFORM_MACOS, oldest, oldest, 0};
}

} // namespace

llvm::VersionTuple oldestMacos(const System &system) {
  llvm::VersionTuple version;
  bool isMacos = llvm::Triple(llvm::StringRef(system.triple)).getMacOSXVersion(version);
  assert(isMacos && "its triple says so");
  (void)isMacos;
  return version;
}

std::string machoWeightsStart(const MachoWeights &weights) {
  const bool hasWeights = weights.bytes > 0;
  const uint32_t sections = 1 + hasWeights;
  MachO::build_version_command version = versionOf(weights.system);
  MachO::symtab_command symbols = {MachO::LC_SYMTAB, sizeof(symbols), 0, hasWeights, 0, 0};
  MachO::segment_command_64 segment = {};
  segment.cmd = MachO::LC_SEGMENT_64;
  segment.cmdsize = uint32_t(sizeof(segment) + sections * sizeof(MachO::section_64));
  const MachO::mach_header_64 header = {MachO::MH_MAGIC_64,
                                        MachO::CPU_TYPE_ARM64,
                                        MachO::CPU_SUBTYPE_ARM64_ALL,
                                        MachO::MH_OBJECT,
                                        3,
                                        segment.cmdsize + version.cmdsize + symbols.cmdsize,
                                        MachO::MH_SUBSECTIONS_VIA_SYMBOLS,
                                        0};
  // The first name is empty.
  std::string names = hasWeights ? '\0' + weights.symbol + '\0' : std::string(1, '\0');
  names.resize(llvm::alignTo(names.size(), 8), '\0');
  symbols.symoff = uint32_t(sizeof(header) + header.sizeofcmds);
  symbols.stroff = uint32_t(symbols.symoff + symbols.nsyms * sizeof(MachO::nlist_64));
  symbols.strsize = uint32_t(names.size());

  // Addresses are offsets behind the tables, so that what is aligned as one is aligned as the other.
  const uint64_t begin = symbols.stroff + symbols.strsize, align = weights.system.pageBytes;
  const uint64_t weightsAt = llvm::alignTo(begin + weights.manifest.size(), hasWeights ? align : 8);
  segment.fileoff = segment.vmaddr = begin;
  segment.filesize = segment.vmsize = weightsAt + weights.bytes - begin;
  segment.maxprot = segment.initprot = MachO::VM_PROT_READ;
  segment.nsects = sections;

  std::string bytes = (bytesOf(header) + bytesOf(segment)).str();
  bytes += bytesOf(makeSection("__DWARF", "__phi_manifest", begin, weights.manifest.size(), 1, MachO::S_ATTR_DEBUG));
  if (hasWeights)
    bytes += bytesOf(makeSection("__PHI", "__weights", weightsAt, weights.bytes, align, MachO::S_REGULAR));
  bytes += (bytesOf(version) + bytesOf(symbols)).str();
  if (hasWeights)
    bytes += bytesOf(MachO::nlist_64{1, kPrivateSymbol, uint8_t(sections), 0, weightsAt});
  bytes += names;
  bytes += weights.manifest;
  bytes.resize(weightsAt, '\0');
  return bytes;
}

} // namespace phic
