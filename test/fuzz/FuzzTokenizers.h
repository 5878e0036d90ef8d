//===- FuzzTokenizers.h - The committed tokenizers, compiled ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_FUZZ_FUZZTOKENIZERS_H
#define PHIC_TEST_FUZZ_FUZZTOKENIZERS_H

#include "compiler/tokenizer/HuggingFace.h"
#include "compiler/tokenizer/Tokenizer.h"
#include "llvm/Support/MemoryBuffer.h"
#include <string>
#include <vector>

namespace phic::fuzz {

/// The text of a tokenizer.json that has no normalizer, with the normalizer NFC.
inline std::string composingTokenizer(const char *path) {
  auto file = llvm::cantFail(llvm::errorOrToExpected(llvm::MemoryBuffer::getFile(path)));
  llvm::StringRef before, after;
  const char *none = "\"normalizer\":null";
  std::tie(before, after) = file->getBuffer().split(none);
  return (before + "\"normalizer\":{\"type\":\"NFC\"}" + after).str();
}

/// Of test/runtime/tokenizers; where that is, PHIC_TOKENIZERS says.
inline const std::vector<CompiledTokenizer> &compiledTokenizers() {
  static const std::vector<CompiledTokenizer> compiled = [] {
    std::vector<CompiledTokenizer> all;
    for (const char *name : {"spm", "smollm", "o200k", "codegen"})
      all.push_back(llvm::cantFail(compileTokenizer(std::string(PHIC_TOKENIZERS "/") + name)));
    // And one that brings text into form C.
    auto model =
        llvm::cantFail(tokenizer::readHuggingFace(composingTokenizer(PHIC_TOKENIZERS "/smollm/tokenizer.json"), {}));
    all.push_back(all[1]);
    all.back().tables = llvm::cantFail(tokenizer::writeTables(model));
    return all;
  }();
  return compiled;
}

} // namespace phic::fuzz

#endif // PHIC_TEST_FUZZ_FUZZTOKENIZERS_H
