//===- LinkedFile.cpp - A file that weights pass into ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/link/LinkedFile.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/xxhash.h"

namespace phic {

namespace fs = llvm::sys::fs;

LinkedFile::LinkedFile(OutputFile output) : file(std::move(output)), stream(file.descriptor(), /*shouldClose=*/false) {}

LinkedFile::~LinkedFile() {
  stream.flush();
  stream.clear_error(); // already told
}

llvm::Error LinkedFile::checkWritten() {
  return stream.has_error() ? cannotWrite(file.path(), stream.error()) : llvm::Error::success();
}

llvm::Error LinkedFile::padTo(uint64_t offset) {
  assert(offset >= stream.tell() && "files are written in order");
  stream.write_zeros(unsigned(offset - stream.tell()));
  return checkWritten();
}

llvm::Error LinkedFile::writeWeights(llvm::ArrayRef<uint8_t> bytes) {
  stream.write(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  return checkWritten();
}

llvm::Error LinkedFile::readBack(uint64_t at, uint64_t bytes, llvm::function_ref<void(llvm::ArrayRef<uint8_t>)> read) {
  stream.flush();
  if (llvm::Error failure = checkWritten())
    return failure;
  if (bytes == 0)
    return read({}), llvm::Error::success();
  uint64_t from = llvm::alignDown(at, uint64_t(fs::mapped_file_region::alignment())), skip = at - from;
  std::error_code failure;
  fs::mapped_file_region map(fs::convertFDToNativeFile(file.descriptor()), fs::mapped_file_region::readonly,
                             skip + bytes, from, failure);
  if (failure)
    return llvm::errorCodeToError(failure);
  read(llvm::ArrayRef(reinterpret_cast<const uint8_t *>(map.const_data()) + skip, bytes));
  return llvm::Error::success();
}

llvm::Expected<uint64_t> LinkedFile::hashWeights(uint64_t bytes) {
  uint64_t hash = 0;
  if (llvm::Error failure =
          readBack(weightsOffset, bytes, [&](llvm::ArrayRef<uint8_t> weights) { hash = llvm::xxh3_64bits(weights); }))
    return std::move(failure);
  return hash;
}

llvm::Error LinkedFile::writeTrailer(uint64_t weightsBytes, uint64_t hash) {
  if (llvm::Error failure = padTo(weightsOffset + llvm::alignTo(weightsBytes, kWeightsLine)))
    return failure;
  phi_weights_trailer trailer = {weightsBytes, hash, {}, PHI_WEIGHTS_MAGIC};
  stream << bytesOf(trailer);
  return checkWritten();
}

llvm::Error LinkedFile::keep() {
  stream.flush();
  if (llvm::Error failure = checkWritten())
    return failure;
  return file.keep();
}

} // namespace phic
