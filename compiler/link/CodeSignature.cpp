//===- CodeSignature.cpp - Ad-hoc signatures of Mach-O files ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One blob, the code directory, in the wrapping that holds several. All numbers are big-endian.
//===----------------------------------------------------------------------===//
#include "compiler/link/CodeSignature.h"
#include "llvm/BinaryFormat/MachO.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/SHA256.h"

namespace phic {
namespace {

namespace MachO = llvm::MachO;
using llvm::support::endian::write32be;
using llvm::support::endian::write64be;

/// Of a hashed page: 4 KiB, whatever the system's own is.
constexpr uint8_t kPageBits = 12;
constexpr uint64_t kPage = uint64_t(1) << kPageBits, kHash = 32;
constexpr uint64_t kDirectory = llvm::alignTo<8>(sizeof(MachO::CS_SuperBlob) + sizeof(MachO::CS_BlobIndex));

uint64_t pagesOf(const SignedFile &file) { return llvm::divideCeil(file.bytes, kPage); }

/// Where the hashes begin.
uint64_t hashesAt(const SignedFile &file) {
  return llvm::alignTo(kDirectory + sizeof(MachO::CS_CodeDirectory) + file.identifier.size() + 1, 16);
}

void writeDirectory(const SignedFile &file, MachO::CS_CodeDirectory &directory) {
  write32be(&directory.magic, MachO::CSMAGIC_CODEDIRECTORY);
  write32be(&directory.length, uint32_t(signatureBytes(file) - kDirectory));
  write32be(&directory.version, MachO::CS_SUPPORTSEXECSEG);
  write32be(&directory.flags, MachO::CS_ADHOC | MachO::CS_LINKER_SIGNED);
  write32be(&directory.hashOffset, uint32_t(hashesAt(file) - kDirectory));
  write32be(&directory.identOffset, sizeof(directory));
  write32be(&directory.nCodeSlots, uint32_t(pagesOf(file)));
  write32be(&directory.codeLimit, uint32_t(file.bytes));
  directory.hashSize = kHash;
  directory.hashType = MachO::kSecCodeSignatureHashSHA256;
  directory.pageSize = kPageBits;
  write64be(&directory.execSegLimit, file.textBytes);
  write64be(&directory.execSegFlags, file.isProgram ? MachO::CS_EXECSEG_MAIN_BINARY : 0);
}

} // namespace

uint64_t signatureBytes(const SignedFile &file) { return hashesAt(file) + pagesOf(file) * kHash; }

std::string makeSignature(const SignedFile &file, llvm::ArrayRef<uint8_t> contents) {
  assert(contents.size() == file.bytes && file.bytes <= UINT32_MAX && "what is signed is the file");
  std::string bytes(signatureBytes(file), '\0');
  auto *blobs = reinterpret_cast<MachO::CS_SuperBlob *>(bytes.data());
  write32be(&blobs->magic, MachO::CSMAGIC_EMBEDDED_SIGNATURE);
  write32be(&blobs->length, uint32_t(bytes.size()));
  write32be(&blobs->count, 1);
  auto *index = reinterpret_cast<MachO::CS_BlobIndex *>(blobs + 1);
  write32be(&index->type, MachO::CSSLOT_CODEDIRECTORY);
  write32be(&index->offset, kDirectory);
  writeDirectory(file, *reinterpret_cast<MachO::CS_CodeDirectory *>(bytes.data() + kDirectory));
  bytes.replace(kDirectory + sizeof(MachO::CS_CodeDirectory), file.identifier.size(), file.identifier.str());
  for (uint64_t page = 0; page < pagesOf(file); ++page) {
    auto hash = llvm::SHA256::hash(contents.slice(page * kPage, std::min(kPage, file.bytes - page * kPage)));
    bytes.replace(hashesAt(file) + page * kHash, kHash, reinterpret_cast<const char *>(hash.data()), kHash);
  }
  return bytes;
}

} // namespace phic
