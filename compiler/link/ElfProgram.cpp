//===- ElfProgram.cpp - Reads what phic linked -------------------------===//
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
  return llvm::createStringError("the file is damaged: " + what);
}

/// Linked files have the first, objects the second.
constexpr char kWeights[] = ".phi_weights";
bool isWeights(llvm::StringRef section) { return section == kWeights || section == ".lrodata.phi_weights"; }

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
    if (header.sh_type != llvm::ELF::SHT_NOBITS && !isWeights(*name)) {
      auto bytes = file.getSectionContents(header);
      if (!bytes)
        return bytes.takeError();
      section.bytes = *bytes;
    }
    byName.emplace(isWeights(*name) ? kWeights : name->str(), section);
  }
  return byName;
}

/// The member of an archive of ours: the last, behind the index.
llvm::Expected<llvm::StringRef> memberOf(llvm::StringRef archive) {
  constexpr size_t kMagic = 8, kHeader = 60, kSizeAt = 48, kSizeDigits = 10;
  llvm::StringRef member;
  for (uint64_t at = kMagic; at < archive.size();) {
    uint64_t size = 0;
    if (archive.size() - at < kHeader || archive.substr(at + kSizeAt, kSizeDigits).rtrim(' ').getAsInteger(10, size))
      return damaged("it is no archive");
    member = archive.substr(at + kHeader, size);
    at += kHeader + llvm::alignTo(size, 2);
  }
  return member;
}

llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> mapped(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return llvm::createStringError("cannot read " + path + ": " + buffer.getError().message());
  return std::move(*buffer);
}

llvm::Error inFile(llvm::StringRef path, llvm::Error failure) {
  return llvm::createStringError(path + ": " + llvm::toString(std::move(failure)));
}

} // namespace

llvm::Expected<ElfProgram> ElfProgram::open(llvm::StringRef path) {
  auto buffer = mapped(path);
  if (!buffer)
    return buffer.takeError();
  ElfProgram program;
  program.file = std::move(*buffer);
  if (llvm::Error failure = program.read())
    return inFile(path, std::move(failure));
  return program;
}

llvm::Error ElfProgram::openSidecar(llvm::StringRef path) {
  auto buffer = mapped(path);
  if (!buffer)
    return buffer.takeError();
  sidecar = std::move(*buffer);
  llvm::StringRef bytes = sidecar->getBuffer();
  phi_weights_header header = {};
  std::memcpy(&header, bytes.data(), std::min(bytes.size(), sizeof(header)));
  if (header.magic != PHI_WEIGHTS_MAGIC || header.version != PHI_FORMAT_VERSION || header.offset != PHI_WEIGHTS_OFFSET ||
      bytes.size() < PHI_WEIGHTS_OFFSET)
    return inFile(path, llvm::createStringError("this file holds no weights of format version %u", PHI_FORMAT_VERSION));
  if (llvm::Error failure = readWeights(bytes, PHI_WEIGHTS_OFFSET, bytes.size() - PHI_WEIGHTS_OFFSET))
    return inFile(path, std::move(failure));
  return llvm::Error::success();
}

llvm::Error ElfProgram::readWeights(llvm::StringRef bytes, uint64_t offset, uint64_t size) {
  uint64_t count = modelStruct.weights_bytes;
  if (offset > bytes.size() || size > bytes.size() - offset)
    return damaged("its weights are cut short");
  if (size < sizeof(phi_weights_trailer) || count > size - sizeof(phi_weights_trailer) ||
      llvm::alignTo(count, 64) != size - sizeof(phi_weights_trailer))
    return damaged("the size of its weights is not that in its model struct");
  phi_weights_trailer trailer;
  std::memcpy(&trailer, bytes.data() + offset + llvm::alignTo(count, 64), sizeof(trailer));
  if (trailer.magic != PHI_WEIGHTS_MAGIC || trailer.bytes != count || trailer.hash != modelStruct.weights_hash)
    return damaged("its weights are not those it was linked with");
  weightBytes = {reinterpret_cast<const uint8_t *>(bytes.data()) + offset, count};
  return llvm::Error::success();
}

/// What the ELF file is: by its type, and whether it was in an archive.
static ElfProgram::Kind kindOf(uint16_t type, bool archived) {
  if (archived)
    return ElfProgram::Kind::StaticLibrary;
  return type == llvm::ELF::ET_REL   ? ElfProgram::Kind::Object
         : type == llvm::ELF::ET_DYN ? ElfProgram::Kind::SharedLibrary
                                     : ElfProgram::Kind::Program;
}

llvm::Error ElfProgram::read() {
  llvm::StringRef bytes = file->getBuffer();
  bool archived = bytes.starts_with("!<arch>\n");
  if (archived) {
    auto member = memberOf(bytes);
    if (!member)
      return member.takeError();
    bytes = *member;
  }
  constexpr char kElf64LittleEndian[] = "\177ELF\2\1";
  if (!bytes.starts_with(kElf64LittleEndian))
    return llvm::createStringError("this is not a program or library made by phic, nor any 64-bit ELF file");
  auto elf = llvm::object::ELFFile<Elf>::create(bytes);
  if (!elf)
    return elf.takeError();
  fileKind = kindOf(elf->getHeader().e_type, archived);
  auto found = readSections(*elf);
  if (!found)
    return damaged(llvm::toString(found.takeError()));
  auto &sections = *found;
  if (!sections.count(".phi_manifest") || !sections.count(".phi_model"))
    return llvm::createStringError("this is an ELF file, but not a program or library made by phic");

  const Section &model = sections[".phi_model"];
  if (model.bytes.size() < sizeof(phi_model))
    return damaged("its model struct is cut short");
  std::memcpy(&modelStruct, model.bytes.data(), sizeof(phi_model));
  if (modelStruct.size != sizeof(phi_model) || modelStruct.version != PHI_FORMAT_VERSION)
    return llvm::createStringError("format version %u was made by another phic; this one reads %u",
                                   modelStruct.version, PHI_FORMAT_VERSION);

  hasWeights = sections.count(kWeights);
  const Section &weights = sections[kWeights];
  if (hasWeights)
    if (llvm::Error failure = readWeights(bytes, weights.offset, weights.size))
      return failure;

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
