//===- FileSections.cpp - Named sections of a linked file ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/FileSections.h"
#include "phi/image.h"
#include "llvm/Object/ELF.h"
#include "llvm/Object/MachO.h"
#include "llvm/Support/MathExtras.h"
#include <cstring>
#include <vector>

namespace phic {

llvm::Error damagedFile(const llvm::Twine &what) { return llvm::createStringError("the file is damaged: " + what); }

namespace {

using Elf = llvm::object::ELF64LE;
using Kind = FileSections::Kind;

constexpr char kElfMagic[] = "\177ELF\2\1", kMachoMagic[] = "\xcf\xfa\xed\xfe", kArchiveMagic[] = "!<arch>\n";

/// ELF's name of a section, which objects and Mach-O have another one for.
llvm::StringRef nameOf(llvm::StringRef section) {
  if (section == ".lrodata.phi_weights" || section == "__weights")
    return ".phi_weights";
  for (llvm::StringRef name : {".phi_model", ".phi_manifest", ".phi_tokenizer", ".text"})
    if (section.starts_with("__") && section.drop_front(2) == name.drop_front(1))
      return name;
  return section;
}

/// What several objects of an archive have a part of adds up.
void addSection(FileSections &into, llvm::StringRef name, FileSection section) {
  auto [it, isNew] = into.byName.emplace(name, section);
  if (!isNew)
    it->second.size += section.size;
}

llvm::Error addElf(llvm::StringRef object, uint64_t offset, FileSections &into) {
  auto file = llvm::object::ELFFile<Elf>::create(object);
  if (!file)
    return file.takeError();
  const uint16_t type = file->getHeader().e_type;
  // Programs lie anywhere, as shared libraries do, and begin somewhere, as those do not.
  into.kind = type == llvm::ELF::ET_REL        ? Kind::Object
              : file->getHeader().e_entry == 0 ? Kind::SharedLibrary
                                               : Kind::Program;
  auto sections = file->sections();
  if (!sections)
    return sections.takeError();
  for (const Elf::Shdr &header : *sections) {
    auto found = file->getSectionName(header);
    if (!found)
      return found.takeError();
    llvm::StringRef name = nameOf(*found);
    FileSection section = {header.sh_size, offset + header.sh_offset, {}};
    if (header.sh_type != llvm::ELF::SHT_NOBITS && name != ".phi_weights") {
      auto bytes = file->getSectionContents(header);
      if (!bytes)
        return bytes.takeError();
      section.bytes = *bytes;
    }
    addSection(into, name, section);
  }
  return llvm::Error::success();
}

llvm::Error addMacho(llvm::StringRef object, uint64_t offset, FileSections &into) {
  // LLVM lists as many commands as the header counts, though each may be the same one of no bytes.
  llvm::MachO::mach_header_64 header = {};
  std::memcpy(&header, object.data(), std::min(object.size(), sizeof(header)));
  if (header.ncmds > object.size() / sizeof(llvm::MachO::load_command))
    return llvm::createStringError("it counts more load commands than it can have");
  // Checks all commands, and that segments, sections and tables lie within the file.
  auto file = llvm::object::MachOObjectFile::create(llvm::MemoryBufferRef(object, ""), /*IsLittleEndian=*/true,
                                                    /*Is64Bits=*/true);
  if (!file)
    return file.takeError();
  into.format = ObjectFormat::MachO;
  const uint32_t type = (*file)->getHeader().filetype;
  into.kind = type == llvm::MachO::MH_OBJECT  ? Kind::Object
              : type == llvm::MachO::MH_DYLIB ? Kind::SharedLibrary
                                              : Kind::Program;
  for (const llvm::object::SectionRef &found : (*file)->sections()) {
    auto name = found.getName();
    if (!name)
      return name.takeError();
    const llvm::MachO::section_64 raw = (*file)->getSection64(found.getRawDataRefImpl());
    FileSection section = {raw.size, offset + raw.offset, {}};
    if (!found.isVirtual() && nameOf(*name) != ".phi_weights")
      section.bytes = llvm::ArrayRef(reinterpret_cast<const uint8_t *>(object.data()) + raw.offset, raw.size);
    addSection(into, nameOf(*name), section);
  }
  return llvm::Error::success();
}

llvm::Error addObject(llvm::StringRef object, uint64_t offset, FileSections &into) {
  auto asDamage = [](llvm::Error failure) {
    return failure ? damagedFile(llvm::toString(std::move(failure))) : llvm::Error::success();
  };
  if (object.starts_with(kElfMagic))
    return asDamage(addElf(object, offset, into));
  if (object.starts_with(kMachoMagic))
    return asDamage(addMacho(object, offset, into));
  return llvm::createStringError("this is not a program or library made by phic, nor any 64-bit ELF or Mach-O file");
}

/// Calls `addObject` with every member but indices.
llvm::Error addArchive(llvm::StringRef archive, FileSections &into) {
  constexpr size_t kHeader = 60, kSizeAt = 48, kSizeDigits = 10;
  for (uint64_t at = sizeof(kArchiveMagic) - 1; at < archive.size();) {
    uint64_t size = 0, nameBytes = 0;
    if (archive.size() - at < kHeader || archive.substr(at + kSizeAt, kSizeDigits).rtrim(' ').getAsInteger(10, size))
      return damagedFile("it is no archive");
    llvm::StringRef name = archive.substr(at, 16).rtrim(' ');
    // A long name, as macOS's archives have all, is before the member.
    if (name.consume_front("#1/") && (name.getAsInteger(10, nameBytes) || nameBytes > size))
      return damagedFile("it is no archive");
    uint64_t begin = at + kHeader + nameBytes;
    llvm::StringRef member = archive.substr(begin, size - nameBytes);
    at += kHeader + llvm::alignTo(size, 2);
    if (name == "/" || archive.substr(begin - nameBytes, nameBytes).starts_with("__.SYMDEF"))
      continue;
    if (llvm::Error failure = addObject(member, begin, into))
      return failure;
  }
  into.kind = Kind::StaticLibrary;
  return llvm::Error::success();
}

} // namespace

std::optional<uint64_t> imageHash(llvm::StringRef file, uint64_t word) {
  Elf::Ehdr header = {};
  std::memcpy(&header, file.data(), std::min(file.size(), sizeof(header)));
  const uint64_t offset = header.e_phoff, bytes = header.e_phnum * sizeof(phi_segment);
  if (header.e_phnum == 0 || offset > file.size() || bytes > file.size() - offset ||
      word > file.size() - sizeof(uint64_t))
    return std::nullopt;
  std::vector<phi_segment> segments(header.e_phnum);
  std::memcpy(segments.data(), file.data() + offset, bytes);
  for (const phi_segment &segment :
       llvm::ArrayRef(segments).take_front(phi_image_segments(segments.data(), header.e_phnum)))
    if (segment.offset > file.size() || segment.file_bytes > file.size() - segment.offset)
      return std::nullopt;
  auto *begin = reinterpret_cast<const unsigned char *>(file.data());
  return phi_image_hash(begin, /*loaded=*/0, segments.data(), header.e_phnum, begin + word);
}

llvm::Expected<FileSections> readFileSections(llvm::StringRef file) {
  FileSections sections;
  llvm::Error failure = file.starts_with(kArchiveMagic) ? addArchive(file, sections) : addObject(file, 0, sections);
  if (failure)
    return std::move(failure);
  return sections;
}

} // namespace phic
