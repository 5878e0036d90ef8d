//===- ElfProgram.cpp - Reads a program that phic linked ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/ElfProgram.h"

#include "llvm/Object/ELF.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"
#include <cstring>
#include <map>

namespace phic {
namespace {

using Elf = llvm::object::ELF64LE;

struct Section {
  uint64_t address = 0;
  uint64_t size = 0;
  uint64_t offset = 0;
  llvm::ArrayRef<uint8_t> bytes;  ///< empty for `.bss`
};

llvm::Error damaged(const llvm::Twine &what) {
  return llvm::createStringError("the program is damaged: " + what);
}

/// Every section by name; bounds are llvm::object's to check.
llvm::Expected<std::map<std::string, Section>> readSections(const llvm::object::ELFFile<Elf> &file) {
  auto sections = file.sections();
  if (!sections)
    return sections.takeError();
  std::map<std::string, Section> byName;
  for (const Elf::Shdr &header : *sections) {
    auto name = file.getSectionName(header);
    if (!name)
      return name.takeError();
    Section section = {header.sh_addr, header.sh_size, header.sh_offset, {}};
    // The weights may be cut short, which is said in our words below.
    if (header.sh_type != llvm::ELF::SHT_NOBITS && *name != ".phi_weights") {
      auto bytes = file.getSectionContents(header);
      if (!bytes)
        return bytes.takeError();
      section.bytes = *bytes;
    }
    byName.emplace(name->str(), section);
  }
  return byName;
}

} // namespace

llvm::Expected<ElfProgram> ElfProgram::open(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError("cannot read %s: %s", path.str().c_str(), buffer.getError().message().c_str());
  ElfProgram program;
  program.file = std::move(*buffer);
  if (llvm::Error failure = program.read())
    return llvm::createStringError("%s: %s", path.str().c_str(), llvm::toString(std::move(failure)).c_str());
  return program;
}

llvm::Error ElfProgram::read() {
  llvm::StringRef bytes = file->getBuffer();
  constexpr char kElf64LittleEndian[] = "\177ELF\2\1";
  if (!bytes.starts_with(kElf64LittleEndian))
    return llvm::createStringError("this is not a program made by phic, nor any 64-bit ELF file");
  auto elf = llvm::object::ELFFile<Elf>::create(bytes);
  if (!elf)
    return elf.takeError();
  auto found = readSections(*elf);
  if (!found)
    return damaged(llvm::toString(found.takeError()));
  auto &sections = *found;
  if (!sections.count(".phi_manifest") || !sections.count(".phi_model") || !sections.count(".phi_weights"))
    return llvm::createStringError("this is an ELF file, but not a program made by phic");

  const Section &model = sections[".phi_model"];
  if (model.bytes.size() < sizeof(phi_model))
    return damaged("its model struct is cut short");
  std::memcpy(&modelStruct, model.bytes.data(), sizeof(phi_model));
  if (modelStruct.size != sizeof(phi_model) || modelStruct.version != PHI_FORMAT_VERSION)
    return llvm::createStringError("format version %u was made by another phic; this one reads %u",
                                   modelStruct.version, PHI_FORMAT_VERSION);

  const Section &weights = sections[".phi_weights"];
  uint64_t count = modelStruct.weights_bytes;
  if (weights.offset > bytes.size() || weights.size > bytes.size() - weights.offset)
    return damaged("its weights are cut short");
  if (weights.size < sizeof(phi_weights_trailer) ||
      count > weights.size - sizeof(phi_weights_trailer) ||
      llvm::alignTo(count, 64) != weights.size - sizeof(phi_weights_trailer))
    return damaged("the size of its weights is not that in its model struct");
  phi_weights_trailer trailer;
  std::memcpy(&trailer, bytes.data() + weights.offset + llvm::alignTo(count, 64), sizeof(trailer));
  if (trailer.magic != PHI_WEIGHTS_MAGIC || trailer.bytes != count || trailer.hash != modelStruct.weights_hash)
    return damaged("its weights are not those it was linked with");
  weightBytes = {reinterpret_cast<const uint8_t *>(bytes.data()) + weights.offset, count};

  const Section &manifest = sections[".phi_manifest"];
  manifestText = {reinterpret_cast<const char *>(manifest.bytes.data()), manifest.bytes.size()};
  tokenizerSize = sections[".phi_tokenizer"].size;
  textSize = sections[".text"].size;
  codeSize = bytes.size() - weights.size - manifest.size - tokenizerSize;
  return llvm::Error::success();
}

llvm::Error ElfProgram::verifyWeights() const {
  if (llvm::xxh3_64bits(weightBytes) == modelStruct.weights_hash)
    return llvm::Error::success();
  return damaged("its weights have been changed");
}

} // namespace phic
