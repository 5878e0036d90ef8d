//===- MachoFile.cpp - Programs and libraries for macOS --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/MachoFile.h"
#include "llvm/BinaryFormat/MachO.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"
#include <cstring>

namespace phic {

namespace MachO = llvm::MachO;

llvm::Error checkMachoWeights(uint64_t bytes) {
  if (bytes <= kMostMachoWeights)
    return llvm::Error::success();
  return llvm::createStringError(
      std::errc::file_too_large,
      "the weights have %.2f GiB, but a file for macOS holds at most %.2f GiB of them; use --weights=sidecar",
      double(bytes) / double(1 << 30), double(kMostMachoWeights) / double(1 << 30));
}

MachoFile::MachoFile(OutputFile file, std::unique_ptr<llvm::MemoryBuffer> linked, MachoFileOptions options)
    : LinkedFile(std::move(file)), options(std::move(options)), head(linked->getBuffer()) {}

template <typename Command> void MachoFile::forCommands(uint32_t kind, llvm::function_ref<void(Command &)> each) {
  const auto &header = *reinterpret_cast<const MachO::mach_header_64 *>(head.data());
  char *at = head.data() + sizeof(header);
  for (uint32_t i = 0; i < header.ncmds; ++i) {
    auto &command = *reinterpret_cast<MachO::load_command *>(at);
    if (command.cmd == kind)
      each(reinterpret_cast<Command &>(command));
    at += command.cmdsize;
  }
}

/// Cuts LLD's file into `head` and `tables`.
void MachoFile::takeApart() {
  sign.isProgram = reinterpret_cast<const MachO::mach_header_64 *>(head.data())->filetype == MachO::MH_EXECUTE;
  sign.identifier = options.identifier;
  uint64_t end = head.size();
  forCommands<MachO::linkedit_data_command>(MachO::LC_CODE_SIGNATURE, [&](auto &command) { end = command.dataoff; });
  forCommands<MachO::segment_command_64>(MachO::LC_SEGMENT_64, [&](auto &segment) {
    llvm::StringRef name(segment.segname);
    if (name == "__TEXT")
      sign.textBytes = segment.filesize;
    if (name == "__PHI")
      weightsOffset = segment.fileoff;
    if (name == "__LINKEDIT")
      tablesFrom = segment.fileoff;
    auto *sections = reinterpret_cast<MachO::section_64 *>(&segment + 1);
    for (MachO::section_64 &section : llvm::MutableArrayRef(sections, segment.nsects))
      if (llvm::StringRef(section.sectname) == "__phi_model")
        modelAt = section.offset;
  });
  assert(modelAt && tablesFrom && bool(weightsOffset) == options.embedWeights && "the link keeps all three");
  tables = head.substr(tablesFrom, end - tablesFrom);
  head.resize(options.embedWeights ? weightsOffset : tablesFrom);
}

/// Sizes of the last two segments, and where the second begins.
void MachoFile::place() {
  uint64_t bytes =
      options.embedWeights ? llvm::alignTo(options.weightsBytes, kWeightsLine) + sizeof(phi_weights_trailer) : 0;
  tablesAt = llvm::alignTo(head.size() + bytes, options.pageBytes);
  sign.bytes = llvm::alignTo(tablesAt + tables.size(), kSignatureAlign);
  uint64_t tablesAddress = 0;
  forCommands<MachO::segment_command_64>(MachO::LC_SEGMENT_64, [&](auto &segment) {
    llvm::StringRef name(segment.segname);
    if (name == "__PHI" && options.embedWeights) {
      segment.filesize = segment.vmsize = tablesAt - segment.fileoff;
      reinterpret_cast<MachO::section_64 *>(&segment + 1)->size = bytes;
      tablesAddress = segment.vmaddr + segment.vmsize;
    }
    if (name == "__LINKEDIT") {
      assert((!options.embedWeights || tablesAddress) && "the weights are the segment before it");
      segment.fileoff = tablesAt;
      segment.filesize = sign.bytes + signatureBytes(sign) - tablesAt;
      segment.vmaddr = tablesAddress ? tablesAddress : uint64_t(segment.vmaddr);
      segment.vmsize = llvm::alignTo(segment.filesize, options.pageBytes);
    }
  });
  moveTables(tablesAt - tablesFrom);
  forCommands<MachO::linkedit_data_command>(MachO::LC_CODE_SIGNATURE, [&](auto &command) {
    command.dataoff = uint32_t(sign.bytes);
    command.datasize = uint32_t(signatureBytes(sign));
  });
}

/// Offsets into __LINKEDIT, of tables that are there.
void MachoFile::moveTables(uint64_t by) {
  auto move = [&](uint32_t &offset, uint32_t count) { offset += count ? uint32_t(by) : 0; };
  forCommands<MachO::symtab_command>(MachO::LC_SYMTAB, [&](auto &command) {
    move(command.symoff, command.nsyms);
    move(command.stroff, command.strsize);
  });
  forCommands<MachO::dysymtab_command>(MachO::LC_DYSYMTAB, [&](auto &command) {
    move(command.indirectsymoff, command.nindirectsyms);
    assert(!command.ntoc && !command.nmodtab && !command.nextrefsyms && !command.nextrel && !command.nlocrel &&
           "ld64 made these, once");
  });
  for (uint32_t kind :
       {MachO::LC_DYLD_CHAINED_FIXUPS, MachO::LC_DYLD_EXPORTS_TRIE, MachO::LC_FUNCTION_STARTS, MachO::LC_DATA_IN_CODE})
    forCommands<MachO::linkedit_data_command>(kind, [&](auto &command) { move(command.dataoff, command.datasize); });
}

llvm::Expected<std::unique_ptr<MachoFile>>
MachoFile::make(OutputFile output, std::unique_ptr<llvm::MemoryBuffer> linked, MachoFileOptions options) {
  if (options.embedWeights)
    if (llvm::Error failure = checkMachoWeights(options.weightsBytes))
      return std::move(failure);
  std::unique_ptr<MachoFile> file(new MachoFile(std::move(output), std::move(linked), std::move(options)));
  file->takeApart();
  file->place();
  return file;
}

llvm::Error MachoFile::begin() {
  out() << head;
  return checkWritten();
}

/// The UUID, which debuggers and crash reports know a file by: a hash of what is in it, as RFC 9562 wants such ones.
void MachoFile::writeIdentity(uint64_t weightsHash) {
  std::memcpy(head.data() + modelAt + offsetof(phi_model, weights_hash), &weightsHash, sizeof(weightsHash));
  forCommands<MachO::uuid_command>(MachO::LC_UUID, [&](auto &command) {
    std::memset(command.uuid, 0, sizeof(command.uuid));
    llvm::XXH128_hash_t hash =
        llvm::xxh3_128bits(llvm::ArrayRef(reinterpret_cast<const uint8_t *>(head.data()), head.size()));
    std::memcpy(command.uuid, &hash, sizeof(command.uuid));
    command.uuid[6] = (command.uuid[6] & 0x0f) | 0x80;
    command.uuid[8] = (command.uuid[8] & 0x3f) | 0x80;
  });
}

llvm::Error MachoFile::finish(uint64_t weightsHash) {
  if (options.embedWeights)
    if (llvm::Error failure = writeTrailer(options.weightsBytes, weightsHash))
      return failure;
  if (llvm::Error failure = padTo(tablesAt))
    return failure;
  out() << tables;
  if (llvm::Error failure = padTo(sign.bytes))
    return failure;
  writeIdentity(weightsHash);
  patch(head, 0);
  std::string signature;
  if (llvm::Error failure =
          readBack(0, sign.bytes, [&](llvm::ArrayRef<uint8_t> bytes) { signature = makeSignature(sign, bytes); }))
    return failure;
  out() << signature;
  return checkWritten();
}

} // namespace phic
