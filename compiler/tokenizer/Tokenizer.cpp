//===- Tokenizer.cpp - A model's tokenizer as tables ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gathers what stands about a tokenizer in several files, and ends in the same
// way for both sources: tables, chat table, stop ids.
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/Tokenizer.h"
#include "compiler/files/InputFile.h"
#include "compiler/files/InputFiles.h"
#include "compiler/tokenizer/HuggingFace.h"
#include "compiler/tokenizer/TokenizerSource.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <optional>

namespace phic {
namespace {

using namespace tokenizer;

/// The token that the text begins with, white space aside, or -1.
int32_t leadingToken(const TokenizerModel &model, llvm::StringRef text) {
  text = text.ltrim();
  const AddedToken *longest = nullptr;
  for (const AddedToken &token : model.added)
    if (text.starts_with(token.content) && (!longest || longest->content.size() < token.content.size()))
      longest = &token;
  return longest ? longest->id : -1;
}

void finishStopIds(const TokenizerModel &model, std::vector<int32_t> ids, CompiledTokenizer &result) {
  if (model.eosId >= 0)
    ids.push_back(model.eosId);
  for (int32_t id : ids) {
    if (id >= 0 && static_cast<size_t>(id) < model.tokens.size() && model.tokens[id].flags)
      result.stopIds.push_back(id);
    else
      result.warnings.push_back("end-of-text id " + std::to_string(id) + " is no token of the tokenizer: left out");
  }
  llvm::sort(result.stopIds);
  result.stopIds.erase(std::unique(result.stopIds.begin(), result.stopIds.end()), result.stopIds.end());
  if (result.stopIds.empty())
    result.warnings.push_back("the model names no end-of-text token: generation ends at its length limit only");
}

//===----------------------------------------------------------------------===//
// A directory
//===----------------------------------------------------------------------===//

class Directory {
public:
  Directory(llvm::StringRef path, InputFiles *inputs) : path(path), inputs(inputs) {}

  bool has(llvm::StringRef name) const { return look(inputs, join(name)); }

  llvm::Expected<std::string> text(llvm::StringRef name) const {
    look(inputs, join(name));
    auto buffer = readInput(join(name));
    if (!buffer)
      return buffer.takeError();
    return (*buffer)->getBuffer().str();
  }

  /// The file's JSON, or null when there is no such file.
  llvm::Expected<Json> json(llvm::StringRef name) const {
    if (!has(name))
      return Json();
    llvm::Expected<std::string> source = text(name);
    return source ? parseJson(*source, name) : llvm::Expected<Json>(source.takeError());
  }

private:
  std::string join(llvm::StringRef name) const {
    llvm::SmallString<256> full(path);
    llvm::sys::path::append(full, name);
    return full.str().str();
  }
  llvm::StringRef path;
  InputFiles *inputs;
};

/// A special token is a string, or an added token's object.
std::string specialToken(const Json &config, const char *key) {
  const Json *value = member(config, key);
  return value && value->is_object() ? stringOr(*value, "content", "") : stringOr(config, key, "");
}

/// Added tokens that stand beside tokenizer.json.
std::vector<AddedToken> tokensBeside(const Json &config, const Json &addedTokens) {
  std::vector<AddedToken> result;
  if (const Json *decoder = member(config, "added_tokens_decoder"); decoder && decoder->is_object())
    for (const auto &[key, value] : decoder->items()) {
      AddedToken token = readAddedToken(value);
      token.statesFlags = true;
      uint32_t id = 0;
      if (!llvm::StringRef(key).getAsInteger(10, id) && id <= MaxId)
        token.id = static_cast<int32_t>(id);
      result.push_back(std::move(token));
    }
  if (addedTokens.is_object())
    for (const auto &[content, value] : addedTokens.items()) {
      AddedToken token;
      token.content = content;
      token.id = idOf(value).value_or(-1);
      token.normalized = true;
      result.push_back(std::move(token));
    }
  return result;
}

/// eos_token_id: one id or a list, in the file itself or in its "model".
void addStopIds(const Json &config, std::vector<int32_t> &ids) {
  const Json *value = member(config, "eos_token_id");
  if (!value)
    if (const Json *model = member(config, "model"))
      value = member(*model, "eos_token_id");
  if (!value)
    return;
  auto add = [&](const Json &id) { ids.push_back(idOf(id).value_or(-1)); };
  if (value->is_array())
    llvm::for_each(*value, add);
  else
    add(*value);
}

/// chat_template: Jinja, or a list of {name, template}; `default` counts.
std::string templateIn(const Json &config) {
  const Json *value = member(config, "chat_template");
  if (!value || !value->is_array())
    return stringOr(config, "chat_template", "");
  for (const Json &entry : *value)
    if (stringOr(entry, "name", "") == "default")
      return stringOr(entry, "template", "");
  return "";
}

llvm::Expected<std::string> chatTemplateOf(const Directory &directory, const Json &config) {
  if (directory.has("chat_template.jinja"))
    return directory.text("chat_template.jinja");
  if (std::string source = templateIn(config); !source.empty())
    return source;
  llvm::Expected<Json> alone = directory.json("chat_template.json");
  if (!alone)
    return alone.takeError();
  return templateIn(*alone);
}

} // namespace

llvm::Expected<CompiledTokenizer> tokenizer::compileTokenizer(TokenizerSource source) {
  CompiledTokenizer result;
  TokenizerModel &model = source.model;
  llvm::Expected<std::vector<uint8_t>> tables = writeTables(model);
  if (!tables)
    return tables.takeError();
  result.tables = std::move(*tables);
  result.idLimit = static_cast<uint32_t>(model.tokens.size());
  result.warnings = std::move(model.warnings);
  for (int32_t id : model.prefix)
    source.tokens.prefix += model.tokens[id].source;
  if (!source.chatTemplate.empty()) {
    llvm::Expected<CompiledChat> chat = compileChatTemplate(source.chatTemplate, source.tokens);
    if (chat) {
      result.chat = std::move(chat->table);
      llvm::append_range(result.warnings, chat->warnings);
      if (llvm::StringRef(source.chatTemplate).contains("strftime_now"))
        result.warnings.push_back(
            "the chat template asks for today's date (strftime_now): the program's chats have what it "
            "puts in its place");
      // The token that closes an answer ends generation, whatever the configuration forgot.
      if (const int32_t id = leadingToken(model, chat->afterAnswer); id >= 0)
        source.stopIds.push_back(id);
    } else {
      result.warnings.push_back("no chat: " + llvm::toString(chat.takeError()));
    }
  } else {
    result.warnings.push_back("no chat: the model has no chat template");
  }
  finishStopIds(model, std::move(source.stopIds), result);
  return result;
}

llvm::Expected<CompiledTokenizer> compileFolderTokenizer(llvm::StringRef directory, InputFiles *inputs) {
  if (Directory(directory, inputs).has("tokenizer.json"))
    return compileTokenizer(directory, inputs);
  return noTokenizer(directory + " has no tokenizer.json");
}

CompiledTokenizer noTokenizer(const llvm::Twine &why) {
  CompiledTokenizer none;
  none.warnings.push_back((why + ": the program will take --tokens only").str());
  return none;
}

llvm::Expected<CompiledTokenizer> compileTokenizer(llvm::StringRef path, InputFiles *inputs) {
  const Directory directory(path, inputs);
  llvm::Expected<std::string> text = directory.text("tokenizer.json");
  if (!text)
    return text.takeError();
  std::vector<Json> files;
  for (llvm::StringRef name : llvm::ArrayRef(kTokenizerFiles).slice(1, 6)) {
    llvm::Expected<Json> file = directory.json(name);
    if (!file)
      return file.takeError();
    files.push_back(std::move(*file));
  }
  const Json &config = files[0], &specials = files[1];
  llvm::Expected<TokenizerModel> model = readHuggingFace(*text, tokensBeside(config, files[2]));
  if (!model)
    return model.takeError();

  TokenizerSource source;
  auto named = [&](const char *key) {
    const std::string token = specialToken(config, key);
    return token.empty() ? specialToken(specials, key) : token;
  };
  source.tokens = {named("bos_token"), named("eos_token"), named("unk_token"), named("pad_token"), ""};
  model->bosId = source.tokens.bos.empty() ? -1 : model->find(source.tokens.bos);
  model->eosId = source.tokens.eos.empty() ? -1 : model->find(source.tokens.eos);
  for (size_t i = 3; i < files.size(); ++i)
    addStopIds(files[i], source.stopIds);
  llvm::Expected<std::string> chat = chatTemplateOf(directory, config);
  if (!chat)
    return chat.takeError();
  source.chatTemplate = std::move(*chat);
  source.model = std::move(*model);
  return compileTokenizer(std::move(source));
}

llvm::Error checkVocabulary(const CompiledTokenizer &tokenizer, uint32_t vocab) {
  if (tokenizer.idLimit <= vocab)
    return llvm::Error::success();
  return llvm::createStringError("the tokenizer has ids up to " + llvm::Twine(tokenizer.idLimit - 1) +
                                 ", the model a vocabulary of " + llvm::Twine(vocab));
}

} // namespace phic
