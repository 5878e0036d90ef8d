//===- FuzzTokenizers.h - The committed tokenizers, compiled ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_FUZZ_FUZZTOKENIZERS_H
#define PHIC_TEST_FUZZ_FUZZTOKENIZERS_H

#include "compiler/tokenizer/Tokenizer.h"
#include <string>
#include <vector>

namespace phic::fuzz {

/// Of test/runtime/tokenizers; where that is, PHIC_TOKENIZERS says.
inline const std::vector<CompiledTokenizer> &compiledTokenizers() {
  static const std::vector<CompiledTokenizer> compiled = [] {
    std::vector<CompiledTokenizer> all;
    for (const char *name : {"spm", "smollm", "o200k", "codegen"})
      all.push_back(llvm::cantFail(compileTokenizer(std::string(PHIC_TOKENIZERS "/") + name)));
    return all;
  }();
  return compiled;
}

} // namespace phic::fuzz

#endif // PHIC_TEST_FUZZ_FUZZTOKENIZERS_H
