//===- gguf_import_fuzz.cpp - Any bytes as a GGUF model --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Behind the reader, which gguf_fuzz is for: the decoder's builder and the tokenizer. The importer is libphic's, with
// assertions where the build has them; what it lets through is used.
//===----------------------------------------------------------------------===//
#include "FreshContext.h"
#include "FuzzFile.h"
#include "Unpoisoned.h"
#include "compiler/import/Importer.h"
#include "mlir/IR/Verifier.h"
#include "runtime/Tokenizer.h"

using namespace phic;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const fuzz::FuzzFile file(data, size);
  NoModel why;
  std::optional<ModelPath> model = findModel(file.path(), why);
  if (!model)
    return 0;
  mlir::OwningOpRef<mlir::ModuleOp> module = model->importer->read(fuzz::freshContext(), *model, ImportOptions());
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
