//===- TextImporter.cpp - A kind of model by a plugin ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads a folder with a model.decoder:
//
//     architecture llama
//     hidden 64                                          (and the other numbers)
//     tensor layers.0.q.weight weights-0.bin 65792 64 64 (name, file, offset, shape; little-endian floats)
//
// An importer says which paths are its own, what the files hold, and makes the module; the decoder builder does the last
// from numbers, a table of tensors and how the container spells them.
//===----------------------------------------------------------------------===//
#include "compiler/Plugin.h"
#include "compiler/files/InputFiles.h"
#include "compiler/import/Importer.h"
#include "compiler/import/decoder/DecoderBuilder.h"
#include "compiler/import/decoder/TensorWeights.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/LineIterator.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cmath>

using namespace phic;
using decoder::Role;

namespace {

constexpr llvm::StringLiteral kFileName = "model.decoder";

constexpr decoder::TensorName kNames[] = {
    {Role::Embedding, "embedding"},
    {Role::AttentionNorm, "layers.{}.norm1"},
    {Role::Query, "layers.{}.q"},
    {Role::Key, "layers.{}.k"},
    {Role::Value, "layers.{}.v"},
    {Role::AttentionOutput, "layers.{}.o"},
    {Role::FeedForwardNorm, "layers.{}.norm2"},
    {Role::Gate, "layers.{}.gate"},
    {Role::Up, "layers.{}.up"},
    {Role::Down, "layers.{}.down"},
    {Role::OutputNorm, "norm"},
    {Role::Head, "head"}, // where there is one
};

/// The text as tables.
struct Checkpoint {
  std::string architecture;
  llvm::StringMap<double> numbers;
  std::vector<decoder::StoredTensor> tensors;
  std::vector<std::string> files; ///< that tensors lie in
};

llvm::Error failure(size_t line, const llvm::Twine &what) {
  return llvm::createStringError(kFileName + ":" + llvm::Twine(line) + ": " + what);
}

/// NAME FILE OFFSET DIMENSION...
llvm::Error readTensor(llvm::ArrayRef<llvm::StringRef> words, size_t line, Checkpoint &checkpoint) {
  decoder::StoredTensor tensor;
  if (words.size() < 4 || words[2].getAsInteger(10, tensor.offset))
    return failure(line, "expected 'tensor NAME FILE OFFSET DIMENSION...'");
  tensor.name = words[0].str();
  auto file = llvm::find(checkpoint.files, words[1]);
  tensor.file = uint32_t(file - checkpoint.files.begin());
  if (file == checkpoint.files.end())
    checkpoint.files.push_back(words[1].str());
  tensor.bytes = 4;
  for (llvm::StringRef word : words.drop_front(3)) {
    int64_t dimension = 0;
    if (word.getAsInteger(10, dimension) || dimension < 1 || dimension > 1 << 24 || tensor.bytes >> 40)
      return failure(line, "'" + word + "' is no plausible dimension");
    tensor.shape.push_back(dimension);
    tensor.bytes *= uint64_t(dimension);
  }
  tensor.typeName = "F32";
  tensor.type = decoder::StoredType::floats(Scalar::F32);
  checkpoint.tensors.push_back(std::move(tensor));
  return llvm::Error::success();
}

llvm::Expected<Checkpoint> readCheckpoint(const std::string &path) {
  auto text = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!text)
    return llvm::createStringError("cannot read " + path + ": " + text.getError().message());
  Checkpoint checkpoint;
  for (llvm::line_iterator line(**text); !line.is_at_end(); ++line) {
    llvm::SmallVector<llvm::StringRef> words;
    line->split(words, ' ', -1, /*KeepEmpty=*/false);
    size_t at = size_t(line.line_number());
    if (words.size() < 2)
      return failure(at, "expected a word and its value");
    if (words[0] == "architecture")
      checkpoint.architecture = words[1].str();
    else if (words[0] != "tensor" && words[1].getAsDouble(checkpoint.numbers[words[0]]))
      return failure(at, "'" + words[1] + "' is no number");
    else if (words[0] == "tensor")
      if (llvm::Error error = readTensor(llvm::ArrayRef(words).drop_front(), at, checkpoint))
        return std::move(error);
  }
  return checkpoint;
}

/// Checks what the builder trusts; appends what is wrong.
decoder::DecoderConfig configOf(const Checkpoint &checkpoint, std::vector<std::string> &reasons) {
  decoder::DecoderConfig config;
  if (const decoder::Architecture *known = decoder::architectureByName(checkpoint.architecture))
    config.architecture = *known;
  else
    reasons.push_back("architecture '" + checkpoint.architecture + "' is not supported, only " +
                      decoder::architectureNames());
  auto number = [&](llvm::StringRef name, double most) {
    double value = checkpoint.numbers.lookup(name);
    if (!(value > 0 && value <= most))
      reasons.push_back((name + " must be a positive number of at most " + llvm::Twine(int64_t(most))).str());
    return value;
  };
  auto count = [&](llvm::StringRef name) { return std::max<int64_t>(1, int64_t(number(name, 1 << 20))); };
  config.name = "decoder";
  config.hidden = count("hidden");
  config.ffn = count("ffn");
  config.layers = std::min<int64_t>(count("layers"), int64_t(checkpoint.tensors.size()));
  config.heads = count("heads");
  config.kvHeads = count("kv_heads");
  config.headDim = config.rope.dim = count("head_dim");
  config.context = count("context");
  config.epsilon = number("epsilon", 1);
  config.rope.base = number("rope_base", 1e9);
  config.attentionScale = 1 / std::sqrt(double(config.headDim));
  if (config.heads % config.kvHeads || config.headDim % 2)
    reasons.push_back("heads must be a multiple of kv_heads, and head_dim be even");
  return config;
}

class TextImporter final : public Importer {
public:
  Accepts accepts() const override { return {"a model.decoder", "a .decoder file"}; }

  Recognition recognizes(const std::string &path, bool isFolder) const override {
    std::string file = isFolder ? path + "/" + kFileName.str() : path;
    if (!llvm::StringRef(file).ends_with(".decoder") || !llvm::sys::fs::exists(file))
      return {};
    auto head = llvm::MemoryBuffer::getFileSlice(file, 13, 0);
    bool says = head && (*head)->getBuffer() == "architecture ";
    return {says ? Claim::Content : Claim::Name, file};
  }

  mlir::OwningOpRef<mlir::ModuleOp> read(mlir::MLIRContext &context, const ModelPath &model,
                                         const ImportOptions &options) const override {
    mlir::Location loc = mlir::NameLoc::get(mlir::StringAttr::get(&context, model.file));
    auto checkpoint = readCheckpoint(model.file);
    if (!checkpoint)
      return mlir::emitError(loc) << llvm::toString(checkpoint.takeError()), nullptr;
    std::vector<std::string> reasons;
    decoder::DecoderConfig config = configOf(*checkpoint, reasons);
    if (!reasons.empty())
      return decoder::refuseModel(loc, reasons);
    for (const std::string &file : checkpoint->files)
      look(options.inputs, model.directory + "/" + file); // before they are opened
    auto store = WeightStore::open(model.directory, checkpoint->files);
    if (!store)
      return mlir::emitError(loc) << llvm::toString(store.takeError()), nullptr;
    decoder::TensorWeights weights({checkpoint->tensors, {"layers.{}.", kNames}, "F32"}, **store, options.progress);
    return decoder::buildDecoder(loc, config, weights, checkpoint->files, options.maxContext);
  }

  llvm::Expected<SourceFacts> facts(const ModelPath &model) const override {
    auto checkpoint = readCheckpoint(model.file);
    if (!checkpoint)
      return checkpoint.takeError();
    SourceFacts facts;
    facts.kind = "decoder text, architecture " + checkpoint->architecture;
    for (const decoder::StoredTensor &tensor : checkpoint->tensors)
      facts.addTensor(tensor.typeName, tensor.bytes / 4, tensor.bytes);
    return facts;
  }

  llvm::Expected<CompiledTokenizer> tokenizer(const ModelPath &model, InputFiles *inputs) const override {
    return compileFolderTokenizer(model.directory, inputs);
  }
};

void registerTextImporter(PluginRegistry &registry) { registry.addImporter(std::make_shared<TextImporter>()); }

} // namespace

PHIC_PLUGIN("text-importer", "1.0", registerTextImporter)
