//===- OnnxImporter.cpp - Imports an ONNX Runtime GenAI model --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The importer's row for ONNX: an .onnx file, its weights and genai_config.json beside it.
//===----------------------------------------------------------------------===//
#include "compiler/files/InputFile.h"
#include "compiler/files/InputFiles.h"
#include "compiler/import/onnx/GraphImporter.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace phic {
namespace {

constexpr StringRef kConfigName = "genai_config.json";

/// A ModelProto as everybody writes it: field 1, the version of the IR, is first and small.
bool beginsAsOnnx(const std::string &file) {
  const std::string head = headOf(file, 2);
  return head.size() == 2 && head[0] == 0x08 && head[1] > 0;
}

/// A folder of ONNX Runtime GenAI: what its configuration calls the model, else model.onnx.
Recognition recognizeFolder(const std::string &folder) {
  std::string file = folder + "/model.onnx", configPath = folder + "/" + kConfigName.str();
  // Whatever is wrong otherwise: with a model.onnx, read() says it.
  auto without = [&](const std::string &refusal) {
    return llvm::sys::fs::exists(file) ? Recognition{Claim::Content, file}
                                       : Recognition{Claim::Name, configPath, refusal};
  };
  if (!llvm::sys::fs::exists(configPath))
    return llvm::sys::fs::exists(file) ? Recognition{Claim::Content, file} : Recognition();
  auto text = readInput(configPath);
  if (!text)
    return without(llvm::toString(text.takeError()));
  llvm::Expected<onnx::GenaiConfig> config = onnx::parseGenaiConfig((*text)->getBuffer(), configPath);
  if (!config)
    return without(llvm::toString(config.takeError()));
  const std::string named = folder + "/" + config->fileName;
  if (llvm::sys::path::filename(config->fileName) == config->fileName && llvm::sys::fs::exists(named))
    return {Claim::Content, named};
  return without(configPath + " names '" + config->fileName + "', which does not lie beside it");
}

/// A decoder needs to know of more than its graph.
void warnOfConfig(Location loc, const onnx::GenaiConfig &config) {
  if (!config.isRead)
    emitWarning(loc) << "no " << kConfigName << " beside the model: stop tokens are unknown and sampling is greedy";
  for (const std::string &ignored : config.ignored)
    emitWarning(loc) << kConfigName << ": " << ignored << " has no effect";
}

/// The configuration beside the model; defaults where there is none.
FailureOr<onnx::GenaiConfig> readConfig(Location loc, StringRef folder, InputFiles *inputs) {
  SmallString<256> path(folder);
  llvm::sys::path::append(path, kConfigName);
  if (!look(inputs, path)) {
    onnx::GenaiConfig defaults;
    defaults.isRead = false;
    return defaults;
  }
  auto text = readInput(path);
  if (!text)
    return emitError(loc) << llvm::toString(text.takeError());
  llvm::Expected<onnx::GenaiConfig> config = onnx::parseGenaiConfig((*text)->getBuffer(), path);
  if (!config)
    return emitError(loc) << llvm::toString(config.takeError());
  return std::move(*config);
}

void addDimensions(SourceFacts &facts, llvm::ArrayRef<onnx::ValueInfo> inputs) {
  llvm::StringMap<size_t> places;
  for (const onnx::ValueInfo &input : inputs)
    for (const std::string &name : input.symbols) {
      if (name.empty())
        continue;
      auto [place, isNew] = places.try_emplace(name, facts.dimensions.size());
      if (isNew)
        facts.dimensions.push_back({name, {}});
      std::vector<std::string> &users = facts.dimensions[place->second].inputs;
      if (users.empty() || users.back() != input.name)
        users.push_back(input.name);
    }
}

/// With a configuration that cannot be read, it does: who has one means to be asked in text.
bool takesTokens(const onnx::Model &model, StringRef folder) {
  SmallString<256> path(folder);
  llvm::sys::path::append(path, kConfigName);
  onnx::GenaiConfig config;
  config.isRead = llvm::sys::fs::exists(path);
  if (config.isRead) {
    auto text = readInput(path);
    auto parsed = text ? onnx::parseGenaiConfig((*text)->getBuffer(), path) : text.takeError();
    if (!parsed)
      return llvm::consumeError(parsed.takeError()), true;
    config = std::move(*parsed);
  }
  return onnx::takesSteps(model.graph(), config);
}

class OnnxImporter final : public Importer {
public:
  Accepts accepts() const override { return {"a model.onnx", "an .onnx file"}; }

  Recognition recognizes(const std::string &path, bool isFolder) const override {
    if (isFolder)
      return recognizeFolder(path);
    if (beginsAsOnnx(path))
      return {Claim::Content, path};
    return StringRef(path).ends_with(".onnx") ? Recognition{Claim::Name, path} : Recognition();
  }

  OwningOpRef<ModuleOp> read(MLIRContext &context, const ModelPath &path, const ImportOptions &options) const override {
    Location loc = NameLoc::get(StringAttr::get(&context, path.file));
    FailureOr<onnx::GenaiConfig> config = readConfig(loc, path.directory, options.inputs);
    if (llvm::failed(config))
      return {};
    auto model = onnx::Model::read(path.directory, llvm::sys::path::filename(path.file));
    if (!model)
      return emitError(loc) << llvm::toString(model.takeError()), nullptr;
    if (options.weights)
      if (llvm::Error failure = options.weights->map(path.directory, model->files()))
        return emitError(loc) << llvm::toString(std::move(failure)), nullptr;
    onnx::GraphImporter importer(context, *model, *config, options);
    if (importer.isDecoder())
      warnOfConfig(loc, *config);
    return importer.run();
  }

  llvm::Expected<SourceFacts> facts(const ModelPath &path) const override {
    auto model = onnx::Model::read(path.directory, llvm::sys::path::filename(path.file));
    if (!model)
      return model.takeError();
    SourceFacts facts;
    facts.kind = "ONNX, operator set " + std::to_string(model->opset(""));
    for (const onnx::Tensor &tensor : model->graph().initializers)
      facts.addTensor(onnx::elementTypeName(tensor.type), uint64_t(tensor.elements()),
                      tensor.bytes ? tensor.bytes->length
                                   : uint64_t(tensor.elements()) * onnx::elementBits(tensor.type) / 8);
    for (const onnx::Node &node : model->graph().nodes)
      ++facts.ops[node.domain.empty() ? node.op : node.domain + "." + node.op];
    addDimensions(facts, model->graph().inputs);
    facts.takesTokens = takesTokens(*model, path.directory);
    return facts;
  }

  llvm::Expected<CompiledTokenizer> tokenizer(const ModelPath &path, InputFiles *inputs) const override {
    return compileFolderTokenizer(path.directory, inputs);
  }
};

} // namespace

const Importer &onnxImporter() {
  static const OnnxImporter importer;
  return importer;
}

} // namespace phic
