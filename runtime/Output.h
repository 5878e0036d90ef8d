//===- Output.h - Generated tokens as they come ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints an answer token by token: as text that is valid UTF-8 at every moment
// and ends before a stop text, or as ids.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_OUTPUT_H
#define PHI_RUNTIME_OUTPUT_H

#include "StopFilter.h"
#include "Tokenizer.h"

namespace phi {

struct Output {
  const Tokenizer *tokenizer;  ///< nullptr: ids are all there is
  bool printIds;
  Decoder decoder;
  StopFilter filter;
  uint8_t *text;               ///< [decodeBound]
};

void layoutOutput(Output *output, Layout *layout, const Tokenizer *tokenizer, bool printIds, const char *const *stops,
                  int64_t stopCount);

/// `continues`: the answer follows text that was printed (a raw prompt), so a leading space counts.
void beginAnswer(Output *output, bool continues);
/// Prints one token. False once a stop text has come, or when nobody takes it any more.
bool printToken(Output *output, int32_t id, Writer &out);
/// Prints what was held back, unless a stop text has come, and ends the line.
void endAnswer(Output *output, Writer &out);

} // namespace phi

#endif // PHI_RUNTIME_OUTPUT_H
