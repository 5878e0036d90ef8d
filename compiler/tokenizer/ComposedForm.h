//===- ComposedForm.h - Tables of normalization form C ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a program needs to bring text into form C as a tokenizer's normalizer "NFC" does, from ICU's data.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_COMPOSEDFORM_H
#define PHIC_COMPILER_TOKENIZER_COMPOSEDFORM_H

#include "phi/tokenizer.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace phic::tokenizer {

/// The tables of phi_tokenizer with these names, about 33 KB.
struct ComposedForm {
  std::vector<phi_decomposition> decompositions;
  std::vector<uint32_t> compositions;
  std::vector<phi_combining> combining;
  ComposedForm();
};

/// Form C of valid UTF-8.
std::string composedForm(llvm::StringRef text);

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_COMPOSEDFORM_H
