//===- Output.cpp - Generated tokens as they come ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Output.h"

namespace phi {

void layoutOutput(Output *output, Layout *layout, const Tokenizer *tokenizer, bool printIds, const char *const *stops,
                  int64_t stopCount) {
  constexpr size_t kEndBound = 12;  // of decodeEnd
  size_t bound = tokenizer ? decodeBound(*tokenizer) : 0;
  bound = bound < kEndBound ? kEndBound : bound;
  output->tokenizer = tokenizer;
  output->printIds = printIds || !tokenizer;
  output->text = layout->take<uint8_t>(bound);
  layoutStopFilter(&output->filter, layout, stops, stopCount, bound);
}

void beginAnswer(Output *output, bool continues) {
  output->decoder = {};
  output->decoder.continues = continues;
}

bool printToken(Output *output, int32_t id, Writer &out) {
  if (output->printIds)
    out << id << '\n';
  bool goOn = true;
  if (output->tokenizer) {
    // With --print-ids the text is only looked through for stop texts.
    size_t bytes = decode(*output->tokenizer, &output->decoder, id, output->text);
    goOn =
        push(&output->filter, Text(reinterpret_cast<char *>(output->text), bytes), output->printIds ? nullptr : &out);
  }
  return out.flush() && goOn;
}

void endAnswer(Output *output, Writer &out) {
  if (output->printIds) {
    finish(&output->filter, nullptr);
    return;
  }
  if (!output->filter.stopped) {
    size_t bytes = decodeEnd(*output->tokenizer, &output->decoder, output->text);
    push(&output->filter, Text(reinterpret_cast<char *>(output->text), bytes), &out);
  }
  finish(&output->filter, &out);
  out << '\n';
  out.flush();
}

} // namespace phi
