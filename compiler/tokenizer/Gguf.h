//===- Gguf.h - Reading a GGUF file's tokenizer ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_GGUF_H
#define PHIC_COMPILER_TOKENIZER_GGUF_H

#include "compiler/import/gguf/GgufReader.h"
#include "compiler/tokenizer/Model.h"

namespace phic::tokenizer {

/// Reads tokenizer.ggml.*: model `gpt2` (byte-level BPE) or `llama` (SentencePiece).
llvm::Expected<TokenizerModel> readGguf(const gguf::GgufFile &file);

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_GGUF_H
