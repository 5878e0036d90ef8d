//===- Archive.cpp - An archive of one object ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/Archive.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

namespace phic {
namespace {

/// Name, date, owner, group, mode, size: decimal text in fixed columns, all that could differ between builds 0.
std::string memberHeader(llvm::StringRef name, uint64_t bytes) {
  return llvm::formatv("{0,-16}{1,-12}{1,-6}{1,-6}{2,-8}{3,-10}`\n", name, 0, "644", bytes).str();
}

std::string bigEndian(uint32_t value) {
  char bytes[4];
  llvm::support::endian::write32be(bytes, value);
  return {bytes, sizeof(bytes)};
}

} // namespace

llvm::Expected<std::string> archiveStart(llvm::StringRef symbol, uint64_t bytes) {
  constexpr uint64_t kMost = 9'999'999'999, kHeader = 60;
  const std::string magic = "!<arch>\n";
  if (bytes > kMost)
    return llvm::createStringError(std::make_error_code(std::errc::file_too_large),
                                   "an archive holds at most 10 GB, but the library has " + llvm::Twine(bytes) +
                                       " bytes; use --weights=sidecar, or --emit=obj");
  // The index: how many symbols, the offset of each one's member, their names. Zeros behind align the object.
  uint64_t index = 2 * sizeof(uint32_t) + symbol.size() + 1;
  uint64_t member = llvm::alignTo(magic.size() + kHeader + index + kHeader, 64) - kHeader;
  std::string start = magic + memberHeader("/", member - magic.size() - kHeader) + bigEndian(1) +
                      bigEndian(uint32_t(member)) + symbol.str();
  start.resize(member, '\0');
  return start + memberHeader("model.o/", bytes);
}

} // namespace phic
