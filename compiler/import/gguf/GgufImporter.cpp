//===- GgufImporter.cpp - Imports a GGUF file ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The importer's row for GGUF: one file, that has everything.
//===----------------------------------------------------------------------===//
#include "compiler/import/Importer.h"
#include "compiler/import/decoder/DecoderBuilder.h"
#include "compiler/import/gguf/GgufConfig.h"
#include "compiler/import/gguf/GgufTensors.h"
#include "compiler/import/gguf/GgufTokenizer.h"
#include "dialects/phiq/Phiq.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <algorithm>

namespace phic {
namespace {

bool beginsAsGguf(const std::string &file) {
  auto head = llvm::MemoryBuffer::getFileSlice(file, 4, 0);
  return head && (*head)->getBuffer() == "GGUF";
}

Recognition recognizeFile(const std::string &file) {
  if (beginsAsGguf(file))
    return {Claim::Content, file};
  if (llvm::StringRef(file).ends_with(".gguf"))
    return {Claim::Name, file, file + " is no GGUF file: it does not begin with 'GGUF'"};
  return {};
}

Recognition recognizeFolder(const std::string &folder) {
  std::vector<std::string> files;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator it(folder, code), end; it != end && !code; it.increment(code))
    if (llvm::StringRef(it->path()).ends_with(".gguf"))
      files.push_back(it->path());
  std::sort(files.begin(), files.end());
  if (files.size() == 1)
    return recognizeFile(files.front());
  if (files.empty())
    return {};
  return {Claim::Name, files.front(),
          folder + " holds " + std::to_string(files.size()) + " .gguf files; name the one: " + llvm::join(files, ", ")};
}

class GgufImporter final : public Importer {
public:
  Accepts accepts() const override { return {"a .gguf file", "a .gguf file"}; }

  Recognition recognizes(const std::string &path, bool isFolder) const override {
    return isFolder ? recognizeFolder(path) : recognizeFile(path);
  }

  mlir::OwningOpRef<mlir::ModuleOp> read(mlir::MLIRContext &context, const ModelPath &model,
                                         const ImportOptions &options) const override {
    mlir::Location loc = mlir::NameLoc::get(mlir::StringAttr::get(&context, model.file));
    auto file = gguf::GgufFile::open(model.file);
    if (!file)
      return mlir::emitError(mlir::UnknownLoc::get(&context)) << llvm::toString(file.takeError()), nullptr; // names it
    llvm::StringRef name = llvm::sys::path::filename(model.file);
    auto store = WeightStore::open(model.directory, {name.str()});
    if (!store)
      return mlir::emitError(loc) << llvm::toString(store.takeError()), nullptr;

    std::vector<std::string> reasons, warnings;
    decoder::DecoderConfig config = gguf::readConfig(**file, reasons, warnings);
    // Tensors are judged by the metadata: without it, their shapes would only cause echoes.
    if (!reasons.empty())
      return decoder::refuseModel(loc, reasons);
    for (const std::string &warning : warnings)
      mlir::emitWarning(loc) << warning;
    if (config.name.empty())
      config.name = llvm::sys::path::stem(name).str();
    context.loadDialect<phiq::PhiqDialect>(); // which knows the types of plugins
    decoder::TensorWeights weights(gguf::tensorTable(&context, **file), **store, options.progress);
    return decoder::buildDecoder(loc, config, weights, (*store)->files(), options.maxContext);
  }

  llvm::Expected<SourceFacts> facts(const ModelPath &model) const override {
    auto file = gguf::GgufFile::open(model.file);
    if (!file)
      return file.takeError();
    auto architecture = (*file)->getOr<llvm::StringRef>("general.architecture", "unknown");
    if (!architecture)
      return architecture.takeError();
    SourceFacts facts;
    facts.kind = ("GGUF, architecture " + *architecture).str();
    for (const gguf::Tensor &tensor : (*file)->tensors()) {
      uint64_t elements = 1;
      for (uint64_t dim : tensor.shape)
        elements *= dim;
      facts.addTensor(ggufTypeName(tensor.type), elements, tensor.bytes);
    }
    return facts;
  }

  llvm::Expected<CompiledTokenizer> tokenizer(const ModelPath &model, InputFiles *) const override {
    auto file = gguf::GgufFile::open(model.file);
    return file ? gguf::compileTokenizer(**file) : llvm::Expected<CompiledTokenizer>(file.takeError());
  }
};

} // namespace

const Importer &ggufImporter() {
  static const GgufImporter importer;
  return importer;
}

} // namespace phic
