//===- onnx_fuzz.cpp - Any bytes as an ONNX model --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the input as a model and imports what is accepted; text that begins with a
// brace is read as genai_config.json. The corpus is the small models of the import
// tests, good and bad. The reader is built with the sanitizers; the importer comes
// from libphic, with assertions where the build has them.
//===----------------------------------------------------------------------===//
#include "FreshContext.h"
#include "Unpoisoned.h"
#include "compiler/import/onnx/GraphImporter.h"

using namespace phic::onnx;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  if (bytes.starts_with("{")) {
    llvm::consumeError(parseGenaiConfig(bytes, "config").takeError());
    return 0;
  }
  auto buffer = llvm::MemoryBuffer::getMemBuffer(bytes, "model.onnx", /*RequiresNullTerminator=*/false);
  llvm::Expected<Model> model = Model::parse(std::move(buffer), ".", "model.onnx");
  if (!model) {
    llvm::consumeError(model.takeError());
    return 0;
  }
  GenaiConfig config;
  GraphImporter(phic::fuzz::freshContext(), *model, config, phic::ImportOptions()).run();
  return 0;
}
