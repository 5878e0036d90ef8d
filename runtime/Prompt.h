//===- Prompt.h - What the user wants answered -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A prompt's bytes (from the command line, a file or standard input) and its
// token ids: a list of ids, a raw text, or messages of a chat.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_PROMPT_H
#define PHI_RUNTIME_PROMPT_H

#include "CommandLine.h"
#include "Memory.h"
#include "Template.h"

namespace phi {

/// A prompt's text may have so many bytes.
constexpr uint64_t kMostPromptBytes = uint64_t(64) << 20;

struct Prompt {
  const phi_model *model;
  const ProgramOptions *options;
  Tokenizer tokenizer;
  Chat chat;
  phi_role turn = PHI_ROLE_START;  ///< where the conversation stands
  int32_t lastId = -1;             ///< the last token of the model's answer, still to be appended; -1: none

  uint8_t *input;          ///< what was read from a file or standard input [inputBytes]
  uint64_t inputBytes;
  uint64_t mostLineBytes;  ///< of a chat's line
  Text text;               ///< the prompt or message to encode
  TextPart parts[5];               ///< glue and text of a system message and the user's, then the answer's prompt
  size_t partCount;

  int32_t *ids;            ///< [idCapacity] of the prompt or message
  int64_t idCapacity;
  int64_t idCount;         ///< how many there are, even beyond the capacity
  uint8_t *work;
  uint64_t workBytes;
};

/// Checks the model's tables, before anything else here. False after a sentence to `errors`.
bool openTables(Prompt *prompt, const phi_model &model, Writer &errors);
/// Reads a prompt that comes from a file or from standard input (`inputFile`). False after a sentence to `errors`.
bool readPrompt(Prompt *prompt, const phi_model &model, const ProgramOptions &options, int inputFile, Writer &errors);
enum class Line {
  Message,
  End,    ///< of the input, an empty line, or an interrupt
  TooLong ///< for the chat, or for what a terminal passes on: read to its end, but not kept
};
/// Reads one line of a chat; a sentence where it is too long.
Line readLine(Prompt *prompt, int inputFile, bool isTerminal, Writer &errors);

/// Memory for up to `capacity` ids of the prompt or, in a chat, of each line.
void layoutPrompt(Prompt *prompt, Layout *layout, int64_t capacity);
/// The text's ids. False after a sentence to `errors`.
bool encodePrompt(Prompt *prompt, Writer &errors);

} // namespace phi

#endif // PHI_RUNTIME_PROMPT_H
