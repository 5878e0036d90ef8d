//===- TokenizerSource.h - A tokenizer as its files say it -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a reader gathers, wherever it stands: the tokenizer itself, and what belongs to it.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_TOKENIZERSOURCE_H
#define PHIC_COMPILER_TOKENIZER_TOKENIZERSOURCE_H

#include "compiler/tokenizer/ChatTemplate.h"
#include "compiler/tokenizer/Model.h"
#include "compiler/tokenizer/Tokenizer.h"

namespace phic::tokenizer {

struct TokenizerSource {
  TokenizerModel model;
  std::string chatTemplate;     ///< Jinja; empty: none
  TemplateTokens tokens;        ///< its prefix follows from the model
  std::vector<int32_t> stopIds; ///< beside the model's own end of text
};

/// Tables, chat table, stop ids: the same end for every source.
llvm::Expected<CompiledTokenizer> compileTokenizer(TokenizerSource source);

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_TOKENIZERSOURCE_H
