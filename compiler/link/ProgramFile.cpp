//===- ProgramFile.cpp - Reads what phic linked -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/ProgramFile.h"
#include "compiler/files/InputFile.h"
#include "phi/hash.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"
#include <cstring>

namespace phic {
namespace {

llvm::Error inFile(llvm::StringRef path, llvm::Error failure) {
  return llvm::createStringError(path + ": " + llvm::toString(std::move(failure)));
}

} // namespace

llvm::Expected<ProgramFile> ProgramFile::open(llvm::StringRef path) {
  auto buffer = mapInput(path);
  if (!buffer)
    return buffer.takeError();
  ProgramFile program;
  program.file = std::move(*buffer);
  if (llvm::Error failure = program.read())
    return inFile(path, std::move(failure));
  return program;
}

llvm::Error ProgramFile::openSidecar(llvm::StringRef path) {
  auto buffer = mapInput(path);
  if (!buffer)
    return buffer.takeError();
  sidecar = std::move(*buffer);
  llvm::StringRef bytes = sidecar->getBuffer();
  phi_weights_header header = {};
  std::memcpy(&header, bytes.data(), std::min(bytes.size(), sizeof(header)));
  if (header.magic != PHI_WEIGHTS_MAGIC || header.version != PHI_FORMAT_VERSION ||
      header.offset != PHI_WEIGHTS_OFFSET || bytes.size() < PHI_WEIGHTS_OFFSET)
    return inFile(path, llvm::createStringError("this file holds no weights of format version %u", PHI_FORMAT_VERSION));
  if (llvm::Error failure = readWeights(bytes, PHI_WEIGHTS_OFFSET, bytes.size() - PHI_WEIGHTS_OFFSET))
    return inFile(path, std::move(failure));
  return llvm::Error::success();
}

llvm::Error ProgramFile::readWeights(llvm::StringRef bytes, uint64_t offset, uint64_t size) {
  uint64_t count = modelStruct.weights_bytes;
  if (offset > bytes.size() || size > bytes.size() - offset)
    return damagedFile("its weights are cut short");
  if (size < sizeof(phi_weights_trailer) || count > size - sizeof(phi_weights_trailer) ||
      llvm::alignTo(count, 64) != size - sizeof(phi_weights_trailer))
    return damagedFile("the size of its weights is not that in its model struct");
  phi_weights_trailer trailer;
  std::memcpy(&trailer, bytes.data() + offset + llvm::alignTo(count, 64), sizeof(trailer));
  if (trailer.magic != PHI_WEIGHTS_MAGIC || trailer.bytes != count || trailer.hash != modelStruct.weights_hash)
    return damagedFile("its weights are not those it was linked with");
  weightBytes = {reinterpret_cast<const uint8_t *>(bytes.data()) + offset, count};
  return llvm::Error::success();
}

llvm::Error ProgramFile::read() {
  llvm::StringRef bytes = file->getBuffer();
  auto found = readFileSections(bytes);
  if (!found)
    return found.takeError();
  fileKind = found->kind;
  fileFormat = found->format;
  auto &sections = found->byName;
  if (!sections.count(".phi_manifest") || !sections.count(".phi_model"))
    return llvm::createStringError(llvm::StringRef("this is ") +
                                   (fileFormat == ObjectFormat::Elf ? "an ELF" : "a Mach-O") +
                                   " file, but not a program or library made by phic");

  const FileSection &front = sections[".phi_front"];
  uint64_t written = 0;
  if (front.bytes.size() >= sizeof(written))
    std::memcpy(&written, front.bytes.data(), sizeof(written));
  if (front.size && imageHash(bytes, front.offset) != written)
    return damagedFile("it is not as it was linked");
  const FileSection &model = sections[".phi_model"];
  if (model.bytes.size() < sizeof(phi_model))
    return damagedFile("its model struct is cut short");
  std::memcpy(&modelStruct, model.bytes.data(), sizeof(phi_model));
  if (modelStruct.size != sizeof(phi_model) || modelStruct.version != PHI_FORMAT_VERSION)
    return llvm::createStringError("format version %u was made by another phic; this one reads %u", modelStruct.version,
                                   PHI_FORMAT_VERSION);

  hasWeights = sections.count(".phi_weights");
  const FileSection &weights = sections[".phi_weights"];
  if (hasWeights)
    if (llvm::Error failure = readWeights(bytes, weights.offset, weights.size))
      return failure;

  const FileSection &manifest = sections[".phi_manifest"];
  manifestText = {reinterpret_cast<const char *>(manifest.bytes.data()), manifest.bytes.size()};
  if (phi_bytes_hash(0, manifestText.data(), manifestText.size()) != modelStruct.manifest_hash)
    return damagedFile("its manifest has been changed");
  tokenizerSize = sections[".phi_tokenizer"].size;
  textSize = sections[".text"].size;
  codeSize = bytes.size();
  for (uint64_t part : {weights.size, manifest.size, tokenizerSize}) {
    if (part > codeSize) // zeros, which are not in the file, may say any number
      return damagedFile("its sections have more bytes than the file");
    codeSize -= part;
  }
  return llvm::Error::success();
}

llvm::Error ProgramFile::verifyWeights() const {
  if (llvm::xxh3_64bits(weightBytes) == modelStruct.weights_hash)
    return llvm::Error::success();
  return damagedFile("its weights have been changed");
}

} // namespace phic
