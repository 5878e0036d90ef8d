//===- Prompt.cpp - What the user wants answered -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Prompt.h"

#include "Model.h"
#include "Os.h"

namespace phi {
namespace {

bool isBlank(char character) { return character == ' ' || character == '\n' || character == '\r' || character == '\t'; }

/// Reads a whole file into fresh memory. False after a sentence.
bool readAll(Prompt *prompt, int file, const char *name, Writer &errors) {
  prompt->input = os::reserve(kMostPromptBytes);
  if (!prompt->input) {
    errors << "no memory to read " << name << '\n';
    return false;
  }
  prompt->inputBytes = 0;
  for (;;) {
    uint64_t left = kMostPromptBytes - prompt->inputBytes;
    int64_t got = left ? os::readSome(file, prompt->input + prompt->inputBytes, left) : -1;
    if (got == 0)
      break;
    if (got < 0) {
      errors << "cannot read " << name << ": " << (left ? os::lastError() : "it is larger than 64 MiB") << '\n';
      return false;
    }
    prompt->inputBytes += uint64_t(got);
  }
  prompt->text = Text(reinterpret_cast<char *>(prompt->input), prompt->inputBytes);
  return true;
}

bool readTokensFile(Prompt *prompt, const char *path, Writer &errors) {
  int file = os::openForReading(path);
  if (file < 0) {
    errors << "cannot open --tokens-file " << path << ": " << os::lastError() << '\n';
    return false;
  }
  bool read = readAll(prompt, file, path, errors);
  os::closeFile(file);
  return read;
}

/// The next item of a comma-separated list, without blanks around it.
Text nextItem(Text *list) {
  size_t end = 0;
  while (end < list->size && list->begin[end] != ',')
    ++end;
  Text item(list->begin, end);
  *list = list->from(end < list->size ? end + 1 : end);
  while (item.size && isBlank(item.begin[0]))
    item = item.from(1);
  while (item.size && isBlank(item.begin[item.size - 1]))
    --item.size;
  return item;
}

const char *tokensFlag(const ProgramOptions &options) { return options.tokens ? "--tokens" : "--tokens-file"; }

/// Reads, counts and, as far as there is room, stores a list of ids.
bool parseIds(Prompt *prompt, Writer &errors) {
  const char *flag = tokensFlag(*prompt->options);
  Text list = prompt->text;
  prompt->idCount = 0;
  while (list.size) {
    Text item = nextItem(&list);
    int64_t id;
    if (!parseInteger(item, &id)) {
      errors << flag << " wants token ids separated by commas, but number " << prompt->idCount + 1 << " is '"
             << Text(item.begin, item.size < 40 ? item.size : 40) << "'\n";
      return false;
    }
    if (id < 0 || id >= int64_t(prompt->model->vocab)) {
      errors << flag << ": token id " << id << " is out of range; this model has " << prompt->model->vocab
             << " tokens\n";
      return false;
    }
    if (prompt->idCount < prompt->idCapacity)
      prompt->ids[prompt->idCount] = int32_t(id);
    ++prompt->idCount;
  }
  if (prompt->idCount)
    return true;
  errors << flag << " holds no token id\n";
  return false;
}

bool usesChat(const Prompt &prompt) { return !prompt.options->raw && !prompt.options->hasTokens(); }

Message message(phi_role role, Text text) { return {role, reinterpret_cast<const uint8_t *>(text.begin), text.size}; }

/// Sets `parts` from the text. False after a sentence.
bool layOutParts(Prompt *prompt, Writer &errors) {
  if (!usesChat(*prompt)) {
    prompt->parts[0] = {reinterpret_cast<const uint8_t *>(prompt->text.begin), prompt->text.size, /*control=*/true};
    prompt->partCount = 1;
    return true;
  }
  Message messages[2];
  size_t count = 0;
  if (prompt->options->system && prompt->turn == PHI_ROLE_START)
    messages[count++] = message(PHI_ROLE_SYSTEM, prompt->options->system);
  messages[count++] = message(PHI_ROLE_USER, prompt->text);
  prompt->partCount = layOutChat(prompt->chat, prompt->turn, messages, count, prompt->parts);
  if (prompt->partCount)
    return true;
  errors << (!messages[0].bytes || !messages[count - 1].bytes
                 ? "the model's chat template does not take an empty message\n"
             : count == 2 ? "the model's chat template has no system message; --system cannot be used\n"
                          : "the model's chat template does not allow this order of messages\n");
  return false;
}

/// Grows with the context, at more bytes a token than texts have, and no further than work memory allows.
uint64_t mostLineBytes(uint64_t context) {
  constexpr uint64_t kLeast = uint64_t(64) << 10, kMost = uint64_t(4) << 20, kTokenBytes = 16;
  const uint64_t bytes = context < kMost / kTokenBytes ? context * kTokenBytes : kMost;
  return bytes < kLeast ? kLeast : bytes;
}

/// Bytes that a chat's turn comes to at most: each byte of a line may be invalid and become three.
uint64_t mostTurnBytes(const Prompt &prompt) {
  const char *system = prompt.options->system;
  return 3 * (prompt.mostLineBytes + (system ? Text(system).size : 0)) + prompt.model->chat_bytes;
}

bool readText(Prompt *prompt, int inputFile, Writer &errors) {
  const ProgramOptions &options = *prompt->options;
  if (options.tokensFile)
    return readTokensFile(prompt, options.tokensFile, errors);
  if (options.tokens || options.prompt) {
    prompt->text = options.tokens ? options.tokens : options.prompt;
    return true;
  }
  return options.interactive || readAll(prompt, inputFile, "standard input", errors);
}

/// An id that the model does not have would be read from beyond its embeddings.
bool idsInRange(const Prompt &prompt, Writer &errors) {
  int64_t held = prompt.idCount < prompt.idCapacity ? prompt.idCount : prompt.idCapacity;
  for (int64_t i = 0; i < held; ++i)
    if (uint32_t(prompt.ids[i]) >= prompt.model->vocab) {
      errors << "the prompt holds token id " << prompt.ids[i] << ", but this model has " << prompt.model->vocab
             << " tokens\n";
      return false;
    }
  return true;
}

} // namespace

bool openTables(Prompt *prompt, const phi_model &model, Writer &errors) {
  if ((!model.tokenizer || openTokenizer(model.tokenizer, model.tokenizer_bytes, &prompt->tokenizer)) &&
      (!model.chat || openChat(model.chat, model.chat_bytes, &prompt->chat)))
    return true;
  errors << "this program's file is damaged: its tokenizer tables are not readable\n";
  return false;
}

bool readPrompt(Prompt *prompt, const phi_model &model, const ProgramOptions &options, int inputFile, Writer &errors) {
  prompt->model = &model;
  prompt->options = &options;
  if (!readText(prompt, inputFile, errors))
    return false;
  if (!options.interactive)
    return options.hasTokens() || layOutParts(prompt, errors);
  prompt->mostLineBytes = mostLineBytes(uint64_t(options.context ? options.context : model.context_default));
  prompt->input = os::reserve(mostTurnBytes(*prompt));
  if (!prompt->input)
    errors << "no memory for the prompt\n";
  return prompt->input != nullptr;
}

Line readLine(Prompt *prompt, int inputFile, bool isTerminal, Writer &errors) {
  // Of a longer line, Linux's terminals pass on the beginning only, and then its end: such a line may have been cut.
  constexpr uint64_t kTerminalBytes = 4095;
  const uint64_t most = isTerminal ? kTerminalBytes - 1 : prompt->mostLineBytes;
  uint64_t size = 0;
  for (uint8_t byte; os::readSome(inputFile, &byte, 1) > 0 && byte != '\n'; ++size)
    if (size < most)
      prompt->input[size] = byte;
  if (size > most) {
    errors << "this line is not sent: it has more than " << most << " bytes, "
           << (isTerminal ? "which a terminal may have cut; long ones can come from a pipe\n"
                          : "too many for this context (--ctx)\n");
    return Line::TooLong;
  }
  if (size && prompt->input[size - 1] == '\r')
    --size;
  prompt->text = Text(reinterpret_cast<char *>(prompt->input), size);
  return size ? Line::Message : Line::End;
}

void layoutPrompt(Prompt *prompt, Layout *layout, int64_t capacity) {
  const ProgramOptions &options = *prompt->options;
  prompt->idCapacity = capacity;
  prompt->ids = layout->take<int32_t>(uint64_t(capacity) + 1);
  prompt->workBytes = 0;
  TextPart worst = {prompt->input, mostTurnBytes(*prompt), /*control=*/false};
  if (options.interactive)  // five parts rather than one
    prompt->workBytes = encodeWorkBytes(prompt->tokenizer, &worst, 1) + 4096;
  else if (!options.hasTokens())
    prompt->workBytes = encodeWorkBytes(prompt->tokenizer, prompt->parts, prompt->partCount);
  prompt->work = layout->take(1, prompt->workBytes);
}

bool encodePrompt(Prompt *prompt, Writer &errors) {
  if (prompt->options->hasTokens())
    return parseIds(prompt, errors);
  if (!layOutParts(prompt, errors))
    return false;
  // The model's last token is not in the cache yet: it goes before what follows it.
  bool pending = prompt->lastId >= 0;
  int32_t *ids = prompt->ids + (pending ? 1 : 0);
  prompt->ids[0] = prompt->lastId;
  const int32_t stopId = isStopToken(*prompt->model, prompt->lastId) ? prompt->lastId : -1;
  prompt->idCount = usesChat(*prompt) ? encodeChat(prompt->chat, prompt->tokenizer, prompt->turn, stopId, prompt->parts,
                                                   prompt->partCount, ids, size_t(prompt->idCapacity), prompt->work,
                                                   prompt->workBytes)
                                      : encode(prompt->tokenizer, prompt->parts, prompt->partCount, EncodePrefix, ids,
                                               size_t(prompt->idCapacity), prompt->work, prompt->workBytes);
  if (prompt->idCount < 0) {
    if (prompt->idCount == EncodeTooSlow)
      errors << "this model's tokenizer does not end in time on this prompt\n";
    else
      errors << "the prompt is too long: " << uint64_t(prompt->text.size) << " bytes\n";
    return false;
  }
  prompt->idCount += pending;
  if (prompt->idCount == 0)
    errors << "the prompt is empty\n";
  return prompt->idCount > 0 && idsInRange(*prompt, errors);
}

} // namespace phi
