//===- ElfFile.cpp - Programs and libraries as files -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/ElfFile.h"
#include "compiler/link/Archive.h"
#include "compiler/link/FileSections.h"
#include "llvm/Support/MathExtras.h"

namespace phic {

namespace ELF = llvm::ELF;

llvm::Error ElfFile::takeApart() {
  llvm::StringRef bytes = linked->getBuffer();
  auto file = llvm::object::ELFFile<Elf>::create(bytes);
  if (!file)
    return file.takeError();
  auto found = file->sections();
  if (!found)
    return found.takeError();
  auto loaded = file->program_headers();
  if (!loaded)
    return loaded.takeError();
  header = file->getHeader();
  segments.assign(loaded->begin(), loaded->end());
  // Not for the kernel to see: the program's front starts the loader, once it has checked the image.
  if (!segments.empty() && segments.back().p_type == ELF::PT_INTERP)
    header.e_phnum = uint16_t(segments.size() - 1);
  nameTable = header.e_shstrndx;
  for (const Elf::Shdr &section : *found) {
    auto name = file->getSectionName(section);
    if (!name)
      return name.takeError();
    // LLD names the output section of a program or library; an object's keeps its input's name.
    if (*name == ".phi_weights" || *name == ".lrodata.phi_weights")
      weights = sections.size();
    if (*name == ".phi_model")
      model = sections.size();
    if (*name == ".phi_front") // begins with the word for the hash of the image
      hash = sections.size();
    sections.push_back(section);
    // LLD leaves the flags of strings on sections that it put together of strings and others.
    if (section.sh_entsize == 0)
      sections.back().sh_flags = section.sh_flags & ~uint64_t(ELF::SHF_MERGE | ELF::SHF_STRINGS);
    sections.back().sh_name = sectionNames.size();
    sectionNames += name->str() + '\0';
  }
  assert(model && (weights || !options.embedWeights) && "the linker scripts keep both");
  return llvm::Error::success();
}

/// Where everything goes: offsets in the sections' headers and the file's, its size.
void ElfFile::place() {
  // Behind what stays of a program there are only the placeholder, and names that are written anew.
  kept = isObject() ? uint64_t(header.e_shoff) : 0;
  for (size_t i = 1; !isObject() && i < sections.size(); ++i)
    if (i != weights && i != nameTable && sections[i].sh_type != ELF::SHT_NOBITS)
      kept = std::max<uint64_t>(kept, sections[i].sh_offset + sections[i].sh_size);

  Elf::Shdr manifest = {};
  manifest.sh_name = sectionNames.size();
  sectionNames += std::string(".phi_manifest") + '\0';
  manifest.sh_type = ELF::SHT_PROGBITS;
  manifest.sh_flags = ELF::SHF_EXCLUDE; // not for the program that a library is linked into
  manifest.sh_offset = llvm::alignTo(kept, 8);
  manifest.sh_size = options.manifest.size();
  manifest.sh_addralign = 1;
  sections.push_back(manifest);
  sections[nameTable].sh_offset = manifest.sh_offset + manifest.sh_size;
  sections[nameTable].sh_size = sectionNames.size();
  header.e_shoff = llvm::alignTo(sections[nameTable].sh_offset + sectionNames.size(), 8);
  header.e_shnum = sections.size();
  size = header.e_shoff + sections.size() * sizeof(Elf::Shdr);
  if (options.embedWeights)
    placeWeights();
}

void ElfFile::placeWeights() {
  uint64_t begin = llvm::alignTo(size, options.pageBytes);
  uint64_t bytes = llvm::alignTo(options.weightsBytes, kWeightsLine) + sizeof(phi_weights_trailer);
  for (Elf::Phdr &segment : segments)
    if (segment.p_type == ELF::PT_LOAD && segment.p_vaddr == sections[weights].sh_addr) {
      segment.p_offset = begin;
      segment.p_filesz = bytes;
      segment.p_memsz = bytes;
      segment.p_align = options.pageBytes;
    }
  sections[weights].sh_offset = begin;
  sections[weights].sh_size = bytes;
  size = begin + bytes;
}

llvm::Expected<std::unique_ptr<ElfFile>> ElfFile::make(OutputFile output, std::shared_ptr<llvm::MemoryBuffer> linked,
                                                       ElfFileOptions options) {
  std::unique_ptr<ElfFile> file(new ElfFile(std::move(output), std::move(linked), std::move(options)));
  if (llvm::Error failure = file->takeApart())
    return std::move(failure);
  file->place();
  return file;
}

llvm::Error ElfFile::begin() {
  if (!options.archiveSymbol.empty()) {
    auto before = archiveStart(options.archiveSymbol, size);
    if (!before)
      return before.takeError();
    out() << *before;
    prefix = before->size();
  }
  out() << linked->getBuffer().take_front(kept);
  if (llvm::Error failure = padTo(prefix + sections.back().sh_offset))
    return failure;
  out() << options.manifest << sectionNames;
  if (llvm::Error failure = padTo(prefix + header.e_shoff))
    return failure;
  for (const Elf::Shdr &section : sections)
    out() << bytesOf(section);
  weightsOffset = prefix + (options.embedWeights ? uint64_t(sections[weights].sh_offset) : size);
  return options.embedWeights ? padTo(weightsOffset) : checkWritten();
}

/// Of the bytes as they will be.
uint64_t ElfFile::imageHash(uint64_t weightsHash) const {
  std::string image = linked->getBuffer().take_front(kept).str();
  auto put = [&](llvm::StringRef bytes, uint64_t at) { image.replace(at, bytes.size(), bytes); };
  put(bytesOf(weightsHash), sections[model].sh_offset + offsetof(phi_model, weights_hash));
  put(bytesOf(header), 0);
  put({reinterpret_cast<const char *>(segments.data()), segments.size() * sizeof(Elf::Phdr)}, header.e_phoff);
  return phic::imageHash(image, sections[hash].sh_offset).value();
}

llvm::Error ElfFile::finish(uint64_t weightsHash) {
  if (options.embedWeights)
    if (llvm::Error failure = writeTrailer(options.weightsBytes, weightsHash))
      return failure;
  if (!options.archiveSymbol.empty() && size % 2)
    out() << archivePadding();
  patch(bytesOf(weightsHash), prefix + sections[model].sh_offset + offsetof(phi_model, weights_hash));
  if (hash)
    patch(bytesOf(imageHash(weightsHash)), sections[hash].sh_offset);
  patch(bytesOf(header), prefix);
  if (!segments.empty())
    patch({reinterpret_cast<const char *>(segments.data()), segments.size() * sizeof(Elf::Phdr)},
          prefix + header.e_phoff);
  return checkWritten();
}

} // namespace phic
