//===- Template.h - A conversation as token ids ----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lays out messages between the texts of the chat blob (phi/tokenizer.h) and
// encodes them as one text, as Hugging Face's apply_chat_template does, with one
// difference: control tokens are recognised in the template's texts only, so a
// message that contains "<|end|>" stays text and cannot end its own turn.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_TEMPLATE_H
#define PHI_RUNTIME_TEMPLATE_H

#include "Tokenizer.h"

namespace phi {

struct Chat {
  const uint8_t *blob = nullptr;
  const phi_chat *tables = nullptr; ///< == blob
};

/// False when the bytes are no chat blob of this version, or are cut short.
bool openChat(const uint8_t *blob, uint64_t bytes, Chat *chat);

struct Message {
  phi_role role; ///< SYSTEM, USER or ASSISTANT
  const uint8_t *text;
  size_t bytes;
};

/// The parts of a conversation that stands at `from` (START: a new one;
/// ASSISTANT: the model has just answered) and goes on with `messages`, up to the
/// prompt for the model's answer. `parts` holds 2 * count + 1. Returns how many,
/// or 0 when the template does not allow this order (say, a system text in a
/// template that has none).
size_t layOutChat(const Chat &chat, phi_role from, const Message *messages, size_t count, TextPart *parts);

/// One message of such a conversation, its two parts; `from` becomes where the conversation stands then. False when it may
/// not come after `from`.
bool layOutMessage(const Chat &chat, phi_role *from, const Message &message, TextPart *parts);

/// Encodes what layOutChat gave. `lastId` is the stop token that the model ended its
/// answer with, -1 if none: the template writes that token
/// itself, so its copy is left out. Result and memory as encode().
int64_t encodeChat(const Chat &chat, const Tokenizer &tokenizer, phi_role from, int32_t lastId, const TextPart *parts,
                   size_t count, int32_t *ids, size_t capacity, void *work, size_t workBytes);

} // namespace phi

#endif // PHI_RUNTIME_TEMPLATE_H
