//===- GgufImporter.cpp - Imports a GGUF model -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The importer's row for GGUF: one file that has everything, or the parts of one.
//===----------------------------------------------------------------------===//
#include "compiler/files/InputFile.h"
#include "compiler/import/Importer.h"
#include "compiler/import/decoder/DecoderBuilder.h"
#include "compiler/import/gguf/GgufConfig.h"
#include "compiler/import/gguf/GgufTensors.h"
#include "compiler/import/gguf/GgufTokenizer.h"
#include "dialects/phiq/Phiq.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <algorithm>

namespace phic {
namespace {

Recognition recognizeFile(const std::string &file) {
  if (headOf(file, 4) == "GGUF")
    return {Claim::Content, file};
  if (llvm::StringRef(file).ends_with(".gguf"))
    return {Claim::Name, file, file + " is no GGUF file: it does not begin with 'GGUF'"};
  return {};
}

/// Of a model that the part beside it leads to.
bool isLaterPart(llvm::StringRef file) {
  auto name = gguf::PartName::parse(llvm::sys::path::filename(file));
  return name && name->part > 1 && llvm::sys::fs::exists(llvm::sys::path::parent_path(file) + "/" + name->fileName(1));
}

Recognition recognizeFolder(const std::string &folder) {
  std::vector<std::string> files;
  std::error_code code;
  for (llvm::sys::fs::directory_iterator it(folder, code), end; it != end && !code; it.increment(code))
    if (llvm::StringRef(it->path()).ends_with(".gguf") && !isLaterPart(it->path()))
      files.push_back(it->path());
  std::sort(files.begin(), files.end());
  if (files.size() == 1)
    return recognizeFile(files.front());
  if (files.empty())
    return {};
  return {Claim::Name, files.front(),
          folder + " holds " + std::to_string(files.size()) + " .gguf files; name the one: " + llvm::join(files, ", "),
          /*namesSeveral=*/true};
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
    auto opened = gguf::GgufModel::open(model.file, options.inputs);
    if (!opened) // the error names the file
      return mlir::emitError(mlir::UnknownLoc::get(&context)) << llvm::toString(opened.takeError()), nullptr;
    WeightStore own, &store = options.weights ? *options.weights : own;
    if (llvm::Error failure = store.map(model.directory, opened->fileNames()))
      return mlir::emitError(loc) << llvm::toString(std::move(failure)), nullptr;

    std::vector<std::string> reasons, warnings;
    decoder::DecoderConfig config = gguf::readConfig(opened->metadata(), opened->tensors(), reasons, warnings);
    // Tensors are judged by the metadata: without it, their shapes would only cause echoes.
    if (!reasons.empty())
      return decoder::refuseModel(loc, reasons);
    for (const std::string &warning : warnings)
      mlir::emitWarning(loc) << warning;
    if (config.name.empty())
      config.name = llvm::sys::path::stem(model.file).str();
    context.loadDialect<phiq::PhiqDialect>(); // which knows the types of plugins
    decoder::TensorWeights weights(gguf::tensorTable(&context, *opened), store, options.progress);
    return decoder::buildDecoder(loc, config, weights, store.files(), options.maxContext);
  }

  llvm::Expected<SourceFacts> facts(const ModelPath &model) const override {
    auto opened = gguf::GgufModel::open(model.file);
    if (!opened)
      return opened.takeError();
    auto architecture = opened->metadata().getOr<llvm::StringRef>("general.architecture", "unknown");
    if (!architecture)
      return architecture.takeError();
    SourceFacts facts;
    facts.kind = ("GGUF, architecture " + *architecture).str();
    for (const auto &file : opened->files())
      for (const gguf::GgufTensor &tensor : file->tensors())
        facts.addTensor(ggufTypeName(tensor.type), llvm::product_of(tensor.shape), tensor.bytes);
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
