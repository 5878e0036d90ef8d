//===- onnx_fuzz.cpp - Any bytes as an ONNX model --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the input as a model and imports what is accepted; text that begins with a
// brace is read as genai_config.json. The corpus is the small models of the import
// tests, good and bad. The reader is built with the sanitizers; the importer comes
// from libphic, with assertions where the build has them.
//===----------------------------------------------------------------------===//
#include "compiler/import/onnx/GraphImporter.h"
#include "mlir/IR/Diagnostics.h"

using namespace phic::onnx;

namespace {

/// Types and attributes live as long as their context: a new one now and then.
mlir::MLIRContext &freshContext() {
  static std::unique_ptr<mlir::MLIRContext> context;
  static unsigned uses = 0;
  if (uses++ % 512 == 0) {
    context = std::make_unique<mlir::MLIRContext>(mlir::MLIRContext::Threading::DISABLED);
    context->getDiagEngine().registerHandler([](mlir::Diagnostic &) { return mlir::success(); });
  }
  return *context;
}

} // namespace

/// LLVM's allocators poison memory where they are inlined into instrumented code, and libMLIR's are not.
extern "C" const char *__asan_default_options() { return "allow_user_poisoning=0"; }

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
  GraphImporter(freshContext(), *model, config, phic::ImportOptions()).run();
  return 0;
}
