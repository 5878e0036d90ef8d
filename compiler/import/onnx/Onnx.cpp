//===- Onnx.cpp - Imports an ONNX Runtime GenAI model ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// importOnnx: finds the model's files, reads configuration and graph, imports.
//===----------------------------------------------------------------------===//
#include "compiler/files/InputFiles.h"
#include "compiler/import/onnx/Importer.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace phic {
namespace {

constexpr StringRef kConfigName = "genai_config.json";

/// The configuration beside the model; defaults and a warning where there is none.
FailureOr<onnx::GenaiConfig> readConfig(Location loc, StringRef folder, InputFiles *inputs) {
  SmallString<256> path(folder);
  llvm::sys::path::append(path, kConfigName);
  if (!look(inputs, path)) {
    emitWarning(loc) << "no " << kConfigName << " beside the model: stop tokens are unknown and sampling is greedy";
    return onnx::GenaiConfig();
  }
  auto text = llvm::MemoryBuffer::getFile(path);
  if (!text)
    return emitError(loc) << "cannot read '" << path << "': " << text.getError().message();
  llvm::Expected<onnx::GenaiConfig> config = onnx::parseGenaiConfig((*text)->getBuffer());
  if (!config)
    return emitError(loc) << "'" << path << "' " << llvm::toString(config.takeError());
  return std::move(*config);
}

} // namespace

OwningOpRef<ModuleOp> importOnnx(MLIRContext &context, StringRef path, const ImportOptions &options) {
  Location loc = NameLoc::get(StringAttr::get(&context, path));
  bool isFolder = llvm::sys::fs::is_directory(path);
  StringRef folder = isFolder ? path : llvm::sys::path::parent_path(path);
  folder = folder.empty() ? "." : folder;
  FailureOr<onnx::GenaiConfig> config = readConfig(loc, folder, options.inputs);
  if (llvm::failed(config))
    return {};
  std::string fileName = isFolder ? config->fileName : llvm::sys::path::filename(path).str();
  if (llvm::sys::path::filename(fileName) != fileName) {
    emitError(loc) << kConfigName << " names '" << fileName << "', which does not lie beside it";
    return {};
  }
  llvm::Expected<onnx::Model> model = onnx::Model::read(folder, fileName);
  if (!model) {
    emitError(loc) << llvm::toString(model.takeError());
    return {};
  }
  return onnx::Importer(context, *model, *config, options).run();
}

} // namespace phic
