//===- ProgramFile.cpp - Appends manifest and weights ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/ProgramFile.h"

#include "llvm/Object/ELF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Support/xxhash.h"

namespace phic {
namespace {

using Elf = llvm::object::ELF64LE;

constexpr uint64_t kLine = 64;

/// Of each thread: musl takes it from the program's own header, else it is 128 KiB.
constexpr uint64_t kStackBytes = 1 << 20;

/// The linked file, taken apart.
struct Linked {
  Elf::Ehdr header;
  std::vector<Elf::Phdr> segments;
  std::vector<Elf::Shdr> sections;  ///< without the section name table
  std::vector<std::string> names;   ///< of `sections`
  size_t weights = 0, model = 0;    ///< indices into `sections`
  size_t weightSegment = 0;
  uint64_t end = 0;                 ///< of the bytes to keep: the placeholder for the weights and all after it goes
};

llvm::Expected<Linked> takeApart(llvm::StringRef bytes) {
  auto file = llvm::object::ELFFile<Elf>::create(bytes);
  if (!file)
    return file.takeError();
  auto sections = file->sections();
  if (!sections)
    return sections.takeError();
  auto segments = file->program_headers();
  if (!segments)
    return segments.takeError();

  Linked linked;
  linked.header = file->getHeader();
  linked.segments.assign(segments->begin(), segments->end());
  for (const Elf::Shdr &section : *sections) {
    auto name = file->getSectionName(section);
    if (!name)
      return name.takeError();
    if (*name == ".phi_weights")
      linked.weights = linked.sections.size();
    if (*name == ".phi_model")
      linked.model = linked.sections.size();
    if (*name == ".shstrtab")
      continue;
    linked.sections.push_back(section);
    linked.names.push_back(name->str());
  }
  assert(linked.weights && linked.model && "program.ld keeps both");
  const Elf::Shdr &weights = linked.sections[linked.weights];
  linked.end = weights.sh_offset;
  for (size_t i = 0; i < linked.segments.size(); ++i) {
    if (linked.segments[i].p_type == llvm::ELF::PT_LOAD && linked.segments[i].p_vaddr == weights.sh_addr)
      linked.weightSegment = i;
    else if (linked.segments[i].p_type == llvm::ELF::PT_GNU_STACK)
      linked.segments[i].p_memsz = kStackBytes;
  }
  return linked;
}

template <typename T> llvm::StringRef bytesOf(const T &value) {
  return {reinterpret_cast<const char *>(&value), sizeof(value)};
}

class Sink final : public WeightSink {
public:
  explicit Sink(llvm::raw_fd_ostream &out) : out(out), start(out.tell()) {}
  llvm::Error write(llvm::ArrayRef<uint8_t> bytes) override {
    out.write(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    return out.has_error() ? llvm::errorCodeToError(out.error()) : llvm::Error::success();
  }
  llvm::Error padTo(uint64_t to) override {
    assert(to >= position() && "weights are written in order");
    out.write_zeros(to - position());
    return write({});
  }
  uint64_t position() const override { return out.tell() - start; }

private:
  llvm::raw_fd_ostream &out;
  uint64_t start;
};

class Writer {
public:
  Writer(Linked linked, const ProgramParts &parts, int fd)
      : linked(std::move(linked)), parts(parts), fd(fd), out(fd, /*shouldClose=*/false) {}

  llvm::Error write(llvm::StringRef bytes);

private:
  void writeManifest();
  void writeSectionTable();
  llvm::Error writeWeights();
  llvm::Expected<uint64_t> hashWeights();
  void placeWeights(uint64_t begin);

  Linked linked;
  const ProgramParts &parts;
  int fd;
  llvm::raw_fd_ostream out;
  uint64_t tableOffset = 0;    ///< of the section table
  uint64_t weightsOffset = 0;
};

void Writer::writeManifest() {
  out.write_zeros(llvm::alignTo(out.tell(), 8) - out.tell());
  Elf::Shdr section = {};
  section.sh_type = llvm::ELF::SHT_PROGBITS;
  section.sh_offset = out.tell();
  section.sh_size = parts.manifest.size();
  section.sh_addralign = 1;
  linked.sections.push_back(section);
  linked.names.push_back(".phi_manifest");
  out << parts.manifest;
}

/// The names and the table itself, as the file's headers will say.
void Writer::writeSectionTable() {
  Elf::Shdr names = {};
  names.sh_type = llvm::ELF::SHT_STRTAB;
  names.sh_offset = out.tell();
  names.sh_addralign = 1;
  linked.sections.push_back(names);
  linked.names.push_back(".shstrtab");
  uint64_t size = 0;
  for (size_t i = 0; i < linked.names.size(); ++i) {
    linked.sections[i].sh_name = size;
    out.write(linked.names[i].c_str(), linked.names[i].size() + 1);
    size += linked.names[i].size() + 1;
  }
  linked.sections.back().sh_size = size;

  out.write_zeros(llvm::alignTo(out.tell(), 8) - out.tell());
  tableOffset = out.tell();
  uint64_t tableBytes = linked.sections.size() * sizeof(Elf::Shdr);
  placeWeights(llvm::alignTo(tableOffset + tableBytes, pageBytes(parts.triple)));
  for (const Elf::Shdr &section : linked.sections)
    out << bytesOf(section);
}

void Writer::placeWeights(uint64_t begin) {
  weightsOffset = begin;
  uint64_t bytes = llvm::alignTo(parts.model.weightsBytes, kLine) + sizeof(phi_weights_trailer);
  linked.sections[linked.weights].sh_offset = begin;
  linked.sections[linked.weights].sh_size = bytes;
  Elf::Phdr &segment = linked.segments[linked.weightSegment];
  segment.p_offset = begin;
  segment.p_filesz = bytes;
  segment.p_memsz = bytes;
  segment.p_align = pageBytes(parts.triple);
}

llvm::Expected<uint64_t> Writer::hashWeights() {
  if (parts.model.weightsBytes == 0)
    return llvm::xxh3_64bits(llvm::ArrayRef<uint8_t>());
  std::error_code failure;
  llvm::sys::fs::mapped_file_region map(llvm::sys::fs::convertFDToNativeFile(fd),
                                        llvm::sys::fs::mapped_file_region::readonly, parts.model.weightsBytes,
                                        weightsOffset, failure);
  if (failure)
    return llvm::errorCodeToError(failure);
  return llvm::xxh3_64bits(
      llvm::ArrayRef(reinterpret_cast<const uint8_t *>(map.const_data()), parts.model.weightsBytes));
}

llvm::Error Writer::writeWeights() {
  out.write_zeros(weightsOffset - out.tell());
  Sink sink(out);
  if (llvm::Error failure = parts.writeWeights(sink))
    return failure;
  assert(sink.position() == parts.model.weightsBytes && "the plan says how many bytes there are");
  out.flush();
  auto hash = hashWeights();
  if (!hash)
    return hash.takeError();
  if (llvm::Error failure = sink.padTo(llvm::alignTo(parts.model.weightsBytes, kLine)))
    return failure;
  phi_weights_trailer trailer = {parts.model.weightsBytes, *hash, {}, PHI_WEIGHTS_MAGIC};
  out << bytesOf(trailer);
  out.pwrite(reinterpret_cast<const char *>(&*hash), sizeof(*hash),
             linked.sections[linked.model].sh_offset + offsetof(phi_model, weights_hash));
  return llvm::Error::success();
}

llvm::Error Writer::write(llvm::StringRef bytes) {
  out << bytes.take_front(linked.end);
  writeManifest();
  writeSectionTable();
  if (llvm::Error failure = writeWeights()) {
    out.clear_error();
    return failure;
  }
  linked.header.e_shoff = tableOffset;
  linked.header.e_shnum = linked.sections.size();
  linked.header.e_shstrndx = linked.sections.size() - 1;
  out.pwrite(bytesOf(linked.header).data(), sizeof(linked.header), 0);
  out.pwrite(reinterpret_cast<const char *>(linked.segments.data()), linked.segments.size() * sizeof(Elf::Phdr),
             linked.header.e_phoff);
  out.flush();
  std::error_code failure = out.error();
  out.clear_error();
  return llvm::errorCodeToError(failure);
}

} // namespace

llvm::Error writeProgramFile(llvm::StringRef linked, const ProgramParts &parts, int fd) {
  auto apart = takeApart(linked);
  if (!apart)
    return apart.takeError();
  return Writer(std::move(*apart), parts, fd).write(linked);
}

} // namespace phic
