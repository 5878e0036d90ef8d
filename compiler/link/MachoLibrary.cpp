//===- MachoLibrary.cpp - Static libraries for macOS -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/MachoLibrary.h"
#include "compiler/link/FileSections.h"
#include "compiler/link/MachoFile.h"
#include "compiler/link/MachoWeights.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

namespace phic {
namespace {

/// Stands for the weights while the archive is made: LLVM's writer wants whole members.
constexpr uint64_t kPlaceholder = 64;

llvm::Expected<std::string> archiveOf(const std::vector<MachoMember> &members) {
  std::vector<llvm::NewArchiveMember> parts;
  for (const MachoMember &member : members)
    parts.emplace_back(llvm::MemoryBufferRef(member.bytes, member.name));
  auto archive =
      llvm::writeArchiveToBuffer(parts, llvm::SymtabWritingMode::NormalSymtab, llvm::object::Archive::K_DARWIN,
                                 /*Deterministic=*/true, /*Thin=*/false);
  if (!archive)
    return archive.takeError();
  return (*archive)->getBuffer().str();
}

} // namespace

/// A member's size is decimal text in its header.
void MachoLibrary::resizeLastMember(int64_t by) {
  constexpr uint64_t kMagic = 8, kHeader = 60, kSizeAt = 48, kSizeDigits = 10;
  uint64_t last = kMagic, size = 0;
  for (uint64_t at = kMagic; at < head.size(); at += kHeader + llvm::alignTo(size, 2)) {
    bool isNumber = !llvm::StringRef(head).substr(at + kSizeAt, kSizeDigits).rtrim(' ').getAsInteger(10, size);
    assert(isNumber && "LLVM wrote it");
    (void)isNumber;
    last = at;
  }
  head.replace(last + kSizeAt, kSizeDigits, llvm::formatv("{0,-10}", size + uint64_t(by)).str());
}

llvm::Error MachoLibrary::build(std::vector<MachoMember> members) {
  const uint64_t bytes =
      options.embedWeights ? llvm::alignTo(options.weightsBytes, kWeightsLine) + sizeof(phi_weights_trailer) : 0;
  const std::string symbol = std::string("_") + kMachoWeightsSymbol;
  renameSymbols(members, options.name, symbol);
  auto start = [&](uint64_t size) {
    return machoWeightsStart({options.system, size, machoSymbolOf(symbol, options.name), options.manifest});
  };
  const std::string whole = start(bytes);
  MachoMember weights = {"weights.o", start(options.embedWeights ? kPlaceholder : 0)};
  assert(weights.bytes.size() == whole.size() && "sizes are of one width");
  weights.bytes.resize(whole.size() + kPlaceholder, '\0');
  members.push_back(std::move(weights));
  auto archive = archiveOf(members);
  if (!archive)
    return archive.takeError();
  auto sections = readFileSections(*archive);
  if (!sections)
    return sections.takeError();
  modelAt = sections->byName[".phi_model"].offset;
  head = std::move(*archive);
  resizeLastMember(int64_t(bytes) - int64_t(kPlaceholder));
  head.resize(head.size() - kPlaceholder);
  head.replace(head.size() - whole.size(), whole.size(), whole);
  weightsOffset = head.size();
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<MachoLibrary>> MachoLibrary::make(OutputFile output, std::vector<MachoMember> objects,
                                                                 MachoLibraryOptions options) {
  if (options.embedWeights)
    if (llvm::Error failure = checkMachoWeights(options.weightsBytes))
      return std::move(failure);
  std::unique_ptr<MachoLibrary> library(new MachoLibrary(std::move(output), std::move(options)));
  if (llvm::Error failure = library->build(neededMembers(std::move(objects), "_phi_query")))
    return std::move(failure);
  return library;
}

llvm::Error MachoLibrary::begin() {
  out() << head;
  return checkWritten();
}

llvm::Error MachoLibrary::finish(uint64_t weightsHash) {
  if (options.embedWeights)
    if (llvm::Error failure = writeTrailer(options.weightsBytes, weightsHash))
      return failure;
  patch(bytesOf(weightsHash), modelAt + offsetof(phi_model, weights_hash));
  return checkWritten();
}

} // namespace phic
