//===- gguf_fuzz.cpp - Any bytes as a GGUF file ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parses the input; of what is accepted, reads every key as every type, the
// configuration, and the first and last row of every tensor. The corpus holds
// small files with each value type and each tensor type.
//===----------------------------------------------------------------------===//
#include "compiler/import/gguf/GgufConfig.h"
#include "compiler/import/gguf/GgufReader.h"
#include "compiler/weights/WeightReader.h"

using namespace phic;
using namespace phic::gguf;

namespace {

template <typename T> void tryGet(const GgufFile &file, llvm::StringRef key) {
  llvm::consumeError(file.get<T>(key).takeError());
  llvm::consumeError(file.get<std::vector<T>>(key).takeError());
}

void readRows(const GgufFile &file, const GgufTensor &tensor) {
  const GgufType *type = ggufTypeById(tensor.type);
  if (!type || tensor.shape.empty())
    return;
  WeightSpec spec;
  spec.storedAs = type->layout;
  spec.columns = int64_t(tensor.shape.back());
  spec.rows = 1;
  for (uint64_t axis : llvm::drop_end(tensor.shape))
    spec.rows *= int64_t(axis);
  spec.element = type->format.scale;
  if (!type->isFloat)
    spec.format = type->format;
  spec.ranges.push_back(file.data(tensor));
  // The parser has checked the sizes, so a reader must accept them.
  std::unique_ptr<WeightReader> reader = llvm::cantFail(WeightReader::create(spec));
  std::vector<float> row(spec.columns);
  reader->dequantizeRows(0, 1, row.data());
  reader->dequantizeRows(spec.rows - 1, 1, row.data());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::Expected<std::unique_ptr<GgufFile>> file = GgufFile::parse({data, size});
  if (!file) {
    llvm::consumeError(file.takeError());
    return 0;
  }
  for (llvm::StringRef key : (*file)->keys()) {
    tryGet<uint64_t>(**file, key);
    tryGet<int64_t>(**file, key);
    tryGet<double>(**file, key);
    tryGet<bool>(**file, key);
    tryGet<llvm::StringRef>(**file, key);
  }
  std::vector<std::string> reasons, warnings;
  (void)readConfig(**file, (*file)->tensors().size(), reasons, warnings);
  for (const GgufTensor &tensor : (*file)->tensors())
    readRows(**file, tensor);
  return 0;
}
