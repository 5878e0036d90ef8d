//===- gguf_import_fuzz.cpp - Any bytes as a GGUF model --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Behind the reader, which gguf_fuzz is for: the decoder's builder and the tokenizer. The importer is libphic's, with
// assertions where the build has them; what it lets through is used.
//===----------------------------------------------------------------------===//
#include "FuzzFile.h"
#include "compiler/import/Importer.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "runtime/Tokenizer.h"

using namespace phic;

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

extern "C" const char *__asan_default_options() { return "allow_user_poisoning=0"; }

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const fuzz::FuzzFile file(data, size);
  NoModel why;
  std::optional<ModelPath> model = findModel(file.path(), why);
  if (!model)
    return 0;
  mlir::OwningOpRef<mlir::ModuleOp> module = model->importer->read(freshContext(), *model, ImportOptions());
  if (module && failed(mlir::verify(*module)))
    std::abort();
  auto tokenizer = model->importer->tokenizer(*model, nullptr);
  phi::Tokenizer opened;
  if (!tokenizer)
    llvm::consumeError(tokenizer.takeError());
  else if (!tokenizer->tables.empty() &&
           !phi::openTokenizer(tokenizer->tables.data(), tokenizer->tables.size(), &opened))
    std::abort();
  return 0;
}
