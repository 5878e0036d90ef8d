//===- SourceFacts.cpp - What a model's files hold -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/check/SourceFacts.h"
#include "compiler/import/gguf/GgufReader.h"
#include "compiler/import/onnx/Reader.h"
#include "dialects/phiq/Formats.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"

namespace phic {
namespace {

void addTensor(SourceFacts &facts, const std::string &format, uint64_t elements, uint64_t bytes) {
  StoredFormat &row = facts.formats[format];
  ++row.tensors;
  row.elements += elements;
  row.bytes += bytes;
}

void addDimensions(SourceFacts &facts, const onnx::ValueInfo &input) {
  for (const std::string &name : input.symbols) {
    if (name.empty())
      continue;
    auto found = llvm::find_if(facts.dimensions, [&](const SymbolicDimension &d) { return d.name == name; });
    if (found == facts.dimensions.end())
      found = facts.dimensions.insert(found, {name, {}});
    if (!llvm::is_contained(found->inputs, input.name))
      found->inputs.push_back(input.name);
  }
}

llvm::Expected<SourceFacts> onnxFacts(const ModelPath &model) {
  auto read = onnx::Model::read(model.directory, llvm::sys::path::filename(model.file));
  if (!read)
    return read.takeError();
  SourceFacts facts;
  facts.kind = "ONNX, operator set " + std::to_string(read->opset(""));
  for (const onnx::Tensor &tensor : read->graph().initializers)
    addTensor(facts, onnx::elementTypeName(tensor.type), uint64_t(tensor.elements()),
              tensor.bytes ? tensor.bytes->length : uint64_t(tensor.elements()) * onnx::elementBits(tensor.type) / 8);
  for (const onnx::Node &node : read->graph().nodes)
    ++facts.ops[node.domain.empty() ? node.op : node.domain + "." + node.op];
  for (const onnx::ValueInfo &input : read->graph().inputs)
    addDimensions(facts, input);
  return facts;
}

llvm::Expected<SourceFacts> ggufFacts(const ModelPath &model) {
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
    addTensor(facts, ggufTypeName(tensor.type), elements, tensor.bytes);
  }
  return facts;
}

} // namespace

uint64_t SourceFacts::bytes() const {
  uint64_t sum = 0;
  for (auto &[name, format] : formats)
    sum += format.bytes;
  return sum;
}

llvm::Expected<SourceFacts> readSourceFacts(const ModelPath &model) {
  return model.kind == ModelKind::Gguf ? ggufFacts(model) : onnxFacts(model);
}

} // namespace phic
