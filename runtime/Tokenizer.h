//===- Tokenizer.h - Text to token ids and back ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads the tables of phi/tokenizer.h in place. Memory is the caller's; nothing
// here allocates, keeps state or fails on any text: invalid UTF-8 is read as
// U+FFFD (one per maximal invalid part, as Rust, Python and WHATWG do).
// Decoding is piece by piece and only ever emits valid UTF-8.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_TOKENIZER_H
#define PHI_RUNTIME_TOKENIZER_H

#include "Tables.h"
#include <stddef.h>
#include <stdint.h>

namespace phi {

/// The blob, checked once. Copies are cheap; the blob outlives it.
struct Tokenizer {
  const uint8_t *blob = nullptr;
  const phi_tokenizer *tables = nullptr; ///< == blob

  uint32_t idLimit() const { return tables->id_limit; }
  template <typename T> TableView<T> view(const phi_table &table) const { return {blob, table}; }
};

/// False when the bytes are no tokenizer blob of this version, or are cut short. Of others, every table lies in the blob; what
/// is in the tables may be anything.
bool openTokenizer(const uint8_t *blob, uint64_t bytes, Tokenizer *tokenizer);

/// A run of text. Control tokens (`<|end|>`) are recognised only where
/// `control` is set: pass false for what a user typed in a chat.
struct TextPart {
  const uint8_t *text;
  size_t bytes;
  bool control;
};

enum EncodeFlags : uint32_t {
  EncodePrefix = 1, ///< put the ids before the text that the tokenizer asks for (BOS)
  EncodeSuffix = 2, ///< and those after it
  EncodeContinue = 4, ///< the text goes on after tokens already there: it is no start of a text
};

/// Work memory that `encode` needs for these parts: about 29 bytes a byte of text, 88 where it is brought into form C.
size_t encodeWorkBytes(const Tokenizer &tokenizer, const TextPart *parts, size_t count);

/// The same for any so many parts that become `bytes` of valid UTF-8.
size_t encodeBound(const Tokenizer &tokenizer, uint64_t bytes, size_t count);

/// Why encode() gives no ids.
enum EncodeFailure : int64_t {
  EncodeNoRoom =
      -1, ///< `work` is smaller than encodeWorkBytes says, or the text is above 1 GiB (256 MiB where it is brought into form C)
  EncodeTooSlow = -2, ///< the tokenizer needs more than EncodeStepsPerByte for this text
};
/// No published tokenizer needs an eighth of it for any text; patterns that backtrack without end do.
constexpr uint64_t EncodeStepsPerByte = 256;

/// Encodes the parts as one text. Returns how many ids there are, or an EncodeFailure; writes the
/// first `capacity` of them. `work` is aligned to 8.
int64_t encode(const Tokenizer &tokenizer, const TextPart *parts, size_t count, uint32_t flags, int32_t *ids,
               size_t capacity, void *work, size_t workBytes);

/// Where a decoded text stands. Begin with Decoder{} (or set the flags).
struct Decoder {
  bool special = false; ///< print special tokens
  bool continues = false; ///< the text goes on after printed text: keep a leading space
  // State.
  uint8_t pendingCount = 0;
  bool started = false;
  uint8_t pending[4] = {};
};

/// Bytes that one decode call can write at most.
size_t decodeBound(const Tokenizer &tokenizer);

/// Decodes one token; writes up to decodeBound() bytes of valid UTF-8, returns how many.
/// The end of an incomplete character is held back. Ids that do not exist print nothing.
size_t decode(const Tokenizer &tokenizer, Decoder *decoder, int32_t id, uint8_t *out);

/// Ends the text: what is held back becomes U+FFFD. Writes up to 12 bytes.
size_t decodeEnd(const Tokenizer &tokenizer, Decoder *decoder, uint8_t *out);

} // namespace phi

#endif // PHI_RUNTIME_TOKENIZER_H
