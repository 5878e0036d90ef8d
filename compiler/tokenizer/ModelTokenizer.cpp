//===- ModelTokenizer.cpp - The tokenizer of any kind of model -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/gguf/GgufReader.h"
#include "compiler/tokenizer/Tokenizer.h"

namespace phic {

llvm::Expected<CompiledTokenizer> compileTokenizer(const ModelPath &model, InputFiles *inputs) {
  if (model.kind == ModelKind::Gguf) {
    auto file = gguf::GgufFile::open(model.file);
    return file ? compileTokenizer(**file) : llvm::Expected<CompiledTokenizer>(file.takeError());
  }
  if (hasTokenizer(model.directory, inputs))
    return compileTokenizer(model.directory, inputs);
  CompiledTokenizer none;
  none.warnings.push_back(model.directory + " has no tokenizer.json: the program will take --tokens only");
  return none;
}

llvm::Error checkVocabulary(const CompiledTokenizer &tokenizer, uint32_t vocab) {
  if (tokenizer.idLimit <= vocab)
    return llvm::Error::success();
  return llvm::createStringError("the tokenizer has ids up to " + llvm::Twine(tokenizer.idLimit - 1) +
                                 ", the model a vocabulary of " + llvm::Twine(vocab));
}

} // namespace phic
