//===- tokenizer_encode_fuzz.cpp - Any text through the tokenizer ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Any bytes as text in parts, for each of the committed tokenizers. Ids are
// within bounds, memory too (AddressSanitizer), and decoding a byte-level
// tokenizer's ids gives the text back.
//===----------------------------------------------------------------------===//
#include "FuzzTokenizers.h"
#include "compiler/tokenizer/ComposedForm.h"
#include "runtime/Tokenizer.h"
#include "runtime/Utf8.h"
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace {

const std::vector<phi::Tokenizer> &tokenizers() {
  static const std::vector<phi::Tokenizer> opened = [] {
    std::vector<phi::Tokenizer> all;
    for (const phic::CompiledTokenizer &compiled : phic::fuzz::compiledTokenizers())
      if (!phi::openTokenizer(compiled.tables.data(), compiled.tables.size(), &all.emplace_back()))
        std::abort();
    return all;
  }();
  return opened;
}

/// The text as the tokenizer reads it.
std::string sanitized(const uint8_t *data, size_t size) {
  std::string text;
  for (size_t at = 0; at < size;) {
    const phi::Utf8Scan scan = phi::scanUtf8(data + at, size - at);
    if (scan.kind == phi::Utf8::Valid)
      text.append(data + at, data + at + scan.bytes);
    else
      text += "\xEF\xBF\xBD";
    at += scan.bytes;
  }
  return text;
}

std::vector<int32_t> encode(const phi::Tokenizer &tokenizer, const phi::TextPart *parts, size_t count) {
  const size_t bytes = phi::encodeWorkBytes(tokenizer, parts, count);
  std::unique_ptr<uint8_t[]> work(new uint8_t[bytes]); // exactly as much as asked for
  int64_t size = phi::encode(tokenizer, parts, count, 0, nullptr, 0, work.get(), bytes);
  if (size < 0)
    std::abort();
  std::vector<int32_t> ids(static_cast<size_t>(size));
  if (phi::encode(tokenizer, parts, count, 0, ids.data(), ids.size(), work.get(), bytes) != size)
    std::abort();
  return ids;
}

std::string decode(const phi::Tokenizer &tokenizer, const std::vector<int32_t> &ids) {
  phi::Decoder decoder;
  decoder.special = true;
  std::string text;
  std::vector<uint8_t> out(phi::decodeBound(tokenizer));
  for (int32_t id : ids) {
    if (id < 0 || static_cast<uint32_t>(id) >= tokenizer.idLimit())
      std::abort();
    text.append(out.data(), out.data() + phi::decode(tokenizer, &decoder, id, out.data()));
  }
  return text.append(out.data(), out.data() + phi::decodeEnd(tokenizer, &decoder, out.data()));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  const phi::Tokenizer &tokenizer = tokenizers()[data[0] % tokenizers().size()];
  const size_t cut = data[1] % (size - 1);
  data += 2, size -= 2;
  const phi::TextPart parts[] = {{data, std::min(cut, size), true},
                                 {data + std::min(cut, size), size - std::min(cut, size), false}};
  const phi::TextPart whole{data, size, true};
  encode(tokenizer, parts, 2);
  const std::vector<int32_t> ids = encode(tokenizer, &whole, 1);
  const bool bytes = tokenizer.tables->flags & PHI_TOKENIZER_BYTES;
  // What form C has changed between tokens is the same text in form C.
  const bool composed = tokenizer.tables->flags & PHI_TOKENIZER_COMPOSED;
  auto same = [&](const std::string &text) { return composed ? phic::tokenizer::composedForm(text) : text; };
  if (bytes && same(decode(tokenizer, ids)) != same(sanitized(data, size))) {
    std::fprintf(stderr, "the text does not come back\n");
    std::abort();
  }
  return 0;
}
