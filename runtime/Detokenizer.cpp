//===- Detokenizer.cpp - Token ids to text, piece by piece ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tokens may hold parts of characters, so bytes wait in the decoder until they
// make a character or are seen to make none. Byte-level models then print one
// U+FFFD for the invalid part, SentencePiece models one for each of its bytes,
// as Hugging Face's decoders do. (Those judge a run of byte tokens as a whole,
// and drop valid characters beside an invalid byte; a stream cannot, and should
// not.)
//===----------------------------------------------------------------------===//
#include "Tokenizer.h"
#include "Utf8.h"
#include <string.h>

namespace phi {
namespace {

class PieceWriter {
public:
  PieceWriter(const Tokenizer &tokenizer, Decoder &decoder, uint8_t *out)
      : t(*tokenizer.tables), decoder(decoder), out(out) {}

  void add(uint8_t byte) {
    decoder.pending[decoder.pendingCount++] = byte;
    const Utf8Scan scan = scanUtf8(decoder.pending, decoder.pendingCount);
    if (scan.kind == Utf8::Incomplete)
      return;
    if (scan.kind == Utf8::Valid)
      return take();
    // Only the last byte can be wrong: what was there before it was a beginning.
    if (decoder.pendingCount > 1) {
      --decoder.pendingCount;
      flush();
      return add(byte);
    }
    flush();
  }

  /// The waiting bytes will never be a character.
  void flush() {
    const uint32_t marks = t.flags & PHI_TOKENIZER_BYTES ? decoder.pendingCount > 0 : decoder.pendingCount;
    decoder.pendingCount = 0;
    for (uint32_t i = 0; i < marks; ++i)
      put(reinterpret_cast<const uint8_t *>("\xEF\xBF\xBD"), 3);
  }

  void put(const uint8_t *text, uint32_t bytes) {
    if (bytes == 0)
      return;
    const bool strip = t.flags & PHI_TOKENIZER_STRIP_SPACE && !decoder.started && !decoder.continues && text[0] == ' ';
    decoder.started = true;
    memcpy(out + written, text + strip, bytes - strip);
    written += bytes - strip;
  }

  size_t size() const { return written; }

private:
  /// The waiting bytes are a character.
  void take() {
    const uint8_t bytes = decoder.pendingCount;
    decoder.pendingCount = 0;
    put(decoder.pending, bytes);
  }

  const phi_tokenizer &t;
  Decoder &decoder;
  uint8_t *out;
  size_t written = 0;
};

} // namespace

size_t decodeBound(const Tokenizer &tokenizer) { return 3 * size_t(tokenizer.tables->max_token_bytes) + 12; }

size_t decode(const Tokenizer &tokenizer, Decoder *decoder, int32_t id, uint8_t *out) {
  const phi_tokenizer &t = *tokenizer.tables;
  if (id < 0 || static_cast<uint32_t>(id) >= t.id_limit)
    return 0;
  const uint8_t flags = tokenizer.view<uint8_t>(t.token_flags)[uint32_t(id)];
  if (!(flags & PHI_TOKEN_PRESENT) || (flags & PHI_TOKEN_SPECIAL && !decoder->special))
    return 0;
  const TableView<uint32_t> offsets = tokenizer.view<uint32_t>(t.token_offsets);
  const uint32_t begin = offsets[uint32_t(id)], bytes = offsets[uint32_t(id) + 1] - begin;
  const uint8_t *text = tokenizer.view<uint8_t>(t.text).run(begin, bytes);
  if (!text || bytes > t.max_token_bytes)
    return 0;
  PieceWriter writer(tokenizer, *decoder, out);
  if (t.flags & PHI_TOKENIZER_BYTES || flags & PHI_TOKEN_BYTE) {
    for (uint32_t i = 0; i < bytes; ++i)
      writer.add(text[i]);
  } else {
    writer.flush();
    writer.put(text, bytes);
  }
  return writer.size();
}

size_t decodeEnd(const Tokenizer &tokenizer, Decoder *decoder, uint8_t *out) {
  PieceWriter writer(tokenizer, *decoder, out);
  writer.flush();
  return writer.size();
}

} // namespace phi
