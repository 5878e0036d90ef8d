//===- HuggingFace.h - Reading tokenizer.json ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_HUGGINGFACE_H
#define PHIC_COMPILER_TOKENIZER_HUGGINGFACE_H

#include "compiler/tokenizer/JsonFields.h"
#include "compiler/tokenizer/Model.h"

namespace phic::tokenizer {

/// Reads the text of a tokenizer.json (the Hugging Face `tokenizers` format). `extra`
/// are added tokens that stand in other files; those missing here are taken.
llvm::Expected<TokenizerModel> readHuggingFace(llvm::StringRef text, llvm::ArrayRef<AddedToken> extra);

/// One entry of `added_tokens` or `added_tokens_decoder`.
AddedToken readAddedToken(const Json &entry);

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_HUGGINGFACE_H
