//===- GgufTokenizer.h - The tokenizer in a GGUF file ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_IMPORT_GGUF_GGUFTOKENIZER_H
#define PHIC_COMPILER_IMPORT_GGUF_GGUFTOKENIZER_H

#include "compiler/import/gguf/GgufReader.h"
#include "compiler/tokenizer/Tokenizer.h"

namespace phic::gguf {

/// Compiles tokenizer.ggml.*, model `gpt2` (byte-level BPE) or `llama` (SentencePiece), and tokenizer.chat_template.
llvm::Expected<CompiledTokenizer> compileTokenizer(const GgufFile &file);

} // namespace phic::gguf

#endif // PHIC_COMPILER_IMPORT_GGUF_GGUFTOKENIZER_H
