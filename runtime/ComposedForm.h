//===- ComposedForm.h - Unicode normalization form C -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a tokenizer's normalizer "NFC" does to text: characters are decomposed, their marks ordered by combining class, and
// composed again (Unicode Standard Annex #15). The tables are the tokenizer's; a program whose tokenizer has no such
// normalizer holds none. Hangul syllables are computed.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_COMPOSEDFORM_H
#define PHI_RUNTIME_COMPOSEDFORM_H

#include "Tables.h"

namespace phi {

struct ComposedFormTables {
  TableView<phi_decomposition> decompositions;
  TableView<uint32_t> compositions;
  TableView<phi_combining> combining;
};

/// Form C of no text has more than so many times its bytes (U+1D160 has).
constexpr uint32_t MostComposedBytes = 3;

/// Writes form C of `bytes` of valid UTF-8 to `out`, which has room for MostComposedBytes times as many, and returns how many
/// it has. `work` has room for as many words, and as many again. Tables that would need more are cut short.
uint32_t composeText(const ComposedFormTables &tables, const uint8_t *text, uint32_t bytes, uint32_t *work,
                     uint8_t *out);

} // namespace phi

#endif // PHI_RUNTIME_COMPOSEDFORM_H
