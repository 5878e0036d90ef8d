//===- Template.cpp - A conversation as token ids -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "Template.h"
#include "Tables.h"
#include "Utf8.h"
#include <string.h>

namespace phi {
namespace {

/// How many ids a template may have before and with the token that closes an answer.
constexpr size_t MaxClosing = 3;

/// A text of the template; false when the template does not allow it.
bool templatePart(const Chat &chat, const phi_chat_text &text, TextPart *part) {
  const uint8_t *begin = TableView<uint8_t>(chat.blob, {0, chat.tables->bytes}).run(text.offset, text.bytes);
  if (begin)
    *part = {begin, text.bytes, /*control=*/true};
  return begin;
}

/// The message without white space at the sides that `sides` names.
TextPart trimmed(const Message &message, uint32_t sides) {
  const uint8_t *text = message.text;
  size_t begin = 0, end = message.bytes;
  auto spaceAt = [&](size_t i) -> uint32_t {
    const Utf8Scan scan = scanUtf8(text + i, end - i);
    uint32_t at = 0;
    return scan.kind == Utf8::Valid && isWhiteSpace(readUtf8(text + i, &at)) ? scan.bytes : 0;
  };
  while (sides & PHI_CHAT_TRIM_LEFT && begin < end && spaceAt(begin))
    begin += spaceAt(begin);
  while (sides & PHI_CHAT_TRIM_RIGHT && end > begin) {
    size_t last = end - 1;
    while (last > begin && (text[last] & 0xC0) == 0x80)
      --last;
    if (spaceAt(last) != end - last)
      break;
    end = last;
  }
  return {text + begin, end - begin, /*control=*/false};
}

} // namespace

bool openChat(const uint8_t *blob, uint64_t bytes, Chat *chat) {
  const phi_chat *tables = reinterpret_cast<const phi_chat *>(blob);
  if (!blob || bytes < sizeof(phi_chat) || reinterpret_cast<uintptr_t>(blob) % 4 != 0)
    return false;
  if (tables->magic != PHI_CHAT_MAGIC || tables->version != PHI_TOKENIZER_VERSION || tables->bytes > bytes ||
      tables->bytes < sizeof(phi_chat) || !tablesAreWhole(blob, tables->bytes, offsetof(phi_chat, hash)))
    return false;
  *chat = {blob, tables};
  return true;
}

bool layOutMessage(const Chat &chat, phi_role *from, const Message &message, TextPart *parts) {
  parts[1] = trimmed(message, chat.tables->trim >> phi_chat_trim_shift(*from, message.role));
  const phi_chat_text &empty = chat.tables->empty[*from][message.role];
  if (parts[1].bytes == 0 && empty.offset == PHI_CHAT_SKIP) {
    parts[0] = {chat.blob, 0, /*control=*/true};
    return true;
  }
  const phi_chat_text &text = parts[1].bytes == 0 ? empty : chat.tables->glue[*from][message.role];
  *from = message.role;
  return templatePart(chat, text, parts);
}

size_t layOutChat(const Chat &chat, phi_role from, const Message *messages, size_t count, TextPart *parts) {
  size_t n = 0;
  for (size_t i = 0; i < count; ++i, n += 2) {
    if (!layOutMessage(chat, &from, messages[i], parts + n))
      return 0;
  }
  return templatePart(chat, chat.tables->prompt[from], parts + n) ? n + 1 : 0;
}

int64_t encodeChat(const Chat &chat, const Tokenizer &tokenizer, phi_role from, int32_t lastId, const TextPart *parts,
                   size_t count, int32_t *ids, size_t capacity, void *work, size_t workBytes) {
  const bool prefix = from == PHI_ROLE_START && !(chat.tables->flags & PHI_CHAT_HAS_PREFIX);
  const uint32_t flags = (prefix ? EncodePrefix : 0u) | (from != PHI_ROLE_START ? EncodeContinue : 0u);
  const int64_t n = encode(tokenizer, parts, count, flags, ids, capacity, work, workBytes);
  if (n < 0 || static_cast<size_t>(n) > capacity || lastId < 0)
    return n;
  // The closing token may have a space before it, so it need not be the first; another control token is text of its own.
  const size_t size = static_cast<size_t>(n);
  for (size_t i = 0; i < size && i < MaxClosing; ++i) {
    if (ids[i] == lastId) {
      memmove(ids, ids + i + 1, (size - i - 1) * sizeof(int32_t));
      return n - static_cast<int64_t>(i + 1);
    }
    if (tokenizer.view<uint8_t>(tokenizer.tables->token_flags)[uint32_t(ids[i])] & PHI_TOKEN_SPECIAL)
      break;
  }
  return n;
}

} // namespace phi
