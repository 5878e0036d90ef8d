//===- DerivedFile.cpp - Numbers that no input file holds ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/weights/DerivedFile.h"
#include "llvm/Support/xxhash.h"
#include <cstddef>
#include <cstring>

namespace phic {
namespace {

constexpr uint64_t kMagic = 0x3156524443494850; // "PHICDRV1" in the bytes of the file
constexpr uint64_t kVersion = 1;

uint64_t checkOf(const DerivedHeader &header) {
  return llvm::xxh3_64bits({reinterpret_cast<const uint8_t *>(&header), offsetof(DerivedHeader, check)});
}

} // namespace

DerivedHeader makeDerivedHeader(uint64_t bytes, uint64_t hash, const ConversionError &error) {
  DerivedHeader header{kMagic, kVersion, bytes, hash, error, 0};
  header.check = checkOf(header);
  return header;
}

std::optional<DerivedHeader> readDerivedHeader(llvm::ArrayRef<uint8_t> file) {
  DerivedHeader header;
  if (file.size() < sizeof(header))
    return std::nullopt;
  std::memcpy(&header, file.data(), sizeof(header));
  if (header.magic != kMagic || header.version != kVersion || header.check != checkOf(header) ||
      header.bytes != file.size() - sizeof(header))
    return std::nullopt;
  return header;
}

} // namespace phic
