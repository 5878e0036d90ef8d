//===- ChatTemplate.cpp - Jinja chat templates as tables ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   [user "M0", assistant "M1", user "M2"]  ->  "<|u|>M0<|end|><|a|>M1<|end|><|u|>M2<|end|><|a|>"
//   gives  glue[start][user] = "<|u|>", glue[user][assistant] = "<|end|><|a|>", .., prompt[user] =
//   "<|end|><|a|>"
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/ChatTemplate.h"
#include "compiler/tokenizer/Jinja.h"
#include "compiler/tokenizer/JsonFields.h"
#include "phi/tokenizer.h"
#include "llvm/ADT/StringExtras.h"
#include <cstring>
#include <optional>

namespace phic::tokenizer {
namespace {

const char *const roleNames[PHI_ROLE_COUNT] = {"start", "system", "user", "assistant"};

using Roles = std::vector<phi_role>;

/// Stands for a message in a probe; nothing that a template says.
std::string marker(size_t index) { return "phic" + llvm::utostr(index) + "probe"; }

class Prober {
public:
  Prober(const Block &block, const TemplateTokens &tokens, bool definesTools)
      : block(block), tokens(tokens), definesTools(definesTools) {}

  llvm::Expected<CompiledChat> run() {
    const auto U = PHI_ROLE_USER, A = PHI_ROLE_ASSISTANT, S = PHI_ROLE_SYSTEM;
    for (const Roles &roles : {Roles{U}, Roles{U, A, U}, Roles{U, A, U, A, U}})
      if (llvm::Error error = learn(roles))
        return std::move(error);
    const Texts withoutSystem = texts;
    llvm::Error error = llvm::Error::success();
    for (const Roles &roles : {Roles{S, U}, Roles{S, U, A, U}, Roles{S, U, A, U, A, U}})
      if (!error)
        error = learn(roles);
    if (error) {
      texts = withoutSystem;
      result.warnings.push_back("no system message in this model's chats: " + llvm::toString(std::move(error)));
    }
    write();
    return std::move(result);
  }

private:
  /// What an empty message may turn out to be, as long as every conversation agrees.
  struct Empty {
    std::optional<std::string> text; ///< in place of glue and message
    bool hasText = true, isSkipped = true, isSeen = false;
  };
  struct Texts {
    std::optional<std::string> glue[PHI_ROLE_COUNT][PHI_ROLE_COUNT];
    std::optional<std::string> prompt[PHI_ROLE_COUNT];
    std::optional<std::string> nothing; ///< what is printed of an empty message alone
    std::optional<uint32_t> trim[PHI_ROLE_COUNT][PHI_ROLE_COUNT]; ///< phi_chat_trim of the text after a glue
    Empty empty[PHI_ROLE_COUNT][PHI_ROLE_COUNT];                  ///< of an empty text after that
  };

  template <typename Content> llvm::Expected<std::string> render(const Roles &roles, Content content) {
    std::vector<ChatMessage> messages;
    for (size_t i = 0; i < roles.size(); ++i)
      messages.push_back({roleNames[roles[i]], content(i)});
    return renderChat(block, {messages, tokens.bos, tokens.eos, tokens.unk, tokens.pad, definesTools});
  }

  /// Runs a conversation and notes the texts between its messages; an error if
  /// they are not what other conversations showed.
  llvm::Error learn(const Roles &roles) {
    llvm::Expected<std::string> printed = render(roles, marker);
    if (!printed)
      return printed.takeError();
    size_t at = 0;
    phi_role from = PHI_ROLE_START;
    for (size_t i = 0; i < roles.size(); ++i) {
      const std::string mark = marker(i);
      const size_t found = printed->find(mark, at);
      if (found == std::string::npos || printed->find(mark, found + 1) != std::string::npos)
        return fail(llvm::Twine("the chat template does not print each message once and in order (message ") +
                    llvm::Twine(i + 1) + ", from " + roleNames[roles[i]] + ")");
      if (llvm::Error error = note(texts.glue[from][roles[i]], printed->substr(at, found - at), from, roles[i]))
        return error;
      at = found + mark.size();
      from = roles[i];
    }
    if (llvm::Error error = note(texts.prompt[from], printed->substr(at), from, PHI_ROLE_ASSISTANT))
      return error;
    for (size_t i = 0; i < roles.size(); ++i)
      if (llvm::Error error = learnTrimming(roles, i, *printed))
        return error;
    for (size_t i = 0; i < roles.size(); ++i)
      learnEmpty(roles, i, *printed);
    return llvm::Error::success();
  }

  template <typename Learned>
  llvm::Error note(std::optional<Learned> &known, Learned learned, phi_role from, phi_role to) {
    if (known && *known != learned)
      return fail(llvm::Twine("the chat template's text between ") + roleNames[from] + " and " + roleNames[to] +
                  " depends on more than these two");
    known = std::move(learned);
    return llvm::Error::success();
  }

  /// Finds out which white space around message `at` is dropped; `plain` is what
  /// is printed without any. Nothing else may change.
  llvm::Error learnTrimming(const Roles &roles, size_t at, const std::string &plain) {
    const std::string left = " \n", right = "\n ", mark = marker(at);
    llvm::Expected<std::string> printed =
        render(roles, [&](size_t i) { return i == at ? left + mark + right : marker(i); });
    if (!printed)
      return printed.takeError();
    const phi_role from = at ? roles[at - 1] : PHI_ROLE_START;
    const size_t place = plain.find(mark);
    for (uint32_t trim = 0; trim < 4; ++trim) {
      const std::string shown =
          (trim & PHI_CHAT_TRIM_LEFT ? "" : left) + mark + (trim & PHI_CHAT_TRIM_RIGHT ? "" : right);
      if (*printed == plain.substr(0, place) + shown + plain.substr(place + mark.size()))
        return note(texts.trim[from][roles[at]], trim, from, roles[at]);
    }
    return fail("the chat template changes the messages' text");
  }

  /// What is printed when message `at` says nothing; templates may ask for that. `plain` is what is printed otherwise.
  void learnEmpty(const Roles &roles, size_t at, const std::string &plain) {
    const phi_role from = at ? roles[at - 1] : PHI_ROLE_START, to = roles[at];
    Empty &empty = texts.empty[from][to];
    empty.isSeen = true;
    // White space that is trimmed away is told from no text by nobody later on.
    const bool isTrimmed = texts.trim[from][to].value_or(0) != 0;
    llvm::Expected<std::string> printed = renderWith(roles, at, ""),
                                blank = renderWith(roles, at, isTrimmed ? " " : "");
    if (!printed || !blank || *printed != *blank) {
      llvm::consumeError(printed.takeError());
      llvm::consumeError(blank.takeError());
      empty.hasText = empty.isSkipped = false;
      return;
    }
    const std::string mark = marker(at);
    const size_t place = plain.find(mark);
    const std::string before = plain.substr(0, place - texts.glue[from][to]->size()),
                      after = plain.substr(place + mark.size());
    llvm::StringRef rest = *printed;
    if (!rest.consume_front(before)) {
      empty.hasText = empty.isSkipped = false;
      return;
    }
    noteSkipped(roles, at, rest, empty);
    empty.hasText &= rest.consume_back(after) && (!empty.text || *empty.text == rest);
    if (empty.hasText)
      empty.text = rest.str();
  }

  /// Whether `rest`, printed from an empty message on, is what it would be without that message.
  void noteSkipped(const Roles &roles, size_t at, llvm::StringRef rest, Empty &empty) {
    const phi_role from = at ? roles[at - 1] : PHI_ROLE_START;
    if (roles.size() == 1)
      texts.nothing = rest.str();
    else if (at + 1 == roles.size())
      empty.isSkipped &= texts.prompt[from] && rest == *texts.prompt[from];
    else if (const auto &next = texts.glue[from][roles[at + 1]]) // else that order of messages is refused anyway
      empty.isSkipped &= rest.starts_with(*next + marker(at + 1));
  }

  llvm::Expected<std::string> renderWith(const Roles &roles, size_t at, const std::string &content) {
    return render(roles, [&](size_t i) { return i == at ? content : marker(i); });
  }

  phi_chat_text addEmpty(const Empty &empty, const std::optional<std::string> &glue, phi_chat_text glueText) {
    if (!empty.isSeen || !glue)
      return {PHI_CHAT_NONE, 0};
    if (empty.hasText)
      return empty.text == glue ? glueText : add(empty.text);
    return {empty.isSkipped ? PHI_CHAT_SKIP : PHI_CHAT_NONE, 0};
  }

  phi_chat_text add(const std::optional<std::string> &text) {
    if (!text)
      return {PHI_CHAT_NONE, 0};
    const phi_chat_text made{static_cast<uint32_t>(result.table.size()), static_cast<uint32_t>(text->size())};
    result.table.insert(result.table.end(), text->begin(), text->end());
    return made;
  }

  void write() {
    phi_chat header = {};
    header.magic = PHI_CHAT_MAGIC;
    header.version = PHI_TOKENIZER_VERSION;
    result.table.resize(sizeof(header));
    bool hasPrefix = !tokens.prefix.empty();
    if (const Empty &first = texts.empty[PHI_ROLE_START][PHI_ROLE_USER]; !first.hasText && first.isSkipped)
      texts.prompt[PHI_ROLE_START] = texts.nothing; // a conversation of no message
    for (uint32_t from = 0; from < PHI_ROLE_COUNT; ++from) {
      for (uint32_t to = 0; to < PHI_ROLE_COUNT; ++to) {
        header.glue[from][to] = add(texts.glue[from][to]);
        header.empty[from][to] = addEmpty(texts.empty[from][to], texts.glue[from][to], header.glue[from][to]);
        header.trim |= texts.trim[from][to].value_or(0) << phi_chat_trim_shift(from, to);
      }
      header.prompt[from] = add(texts.prompt[from]);
      if (const auto &first = texts.glue[PHI_ROLE_START][from])
        hasPrefix &= llvm::StringRef(*first).starts_with(tokens.prefix);
    }
    header.flags = hasPrefix ? uint32_t(PHI_CHAT_HAS_PREFIX) : 0;
    result.table.resize((result.table.size() + 3) / 4 * 4);
    header.bytes = static_cast<uint32_t>(result.table.size());
    std::memcpy(result.table.data(), &header, sizeof(header));
    header.hash = phi_tables_hash(result.table.data(), header.bytes, offsetof(phi_chat, hash));
    std::memcpy(result.table.data(), &header, sizeof(header));
    result.afterAnswer = *texts.glue[PHI_ROLE_ASSISTANT][PHI_ROLE_USER];
  }

  const Block &block;
  const TemplateTokens &tokens;
  bool definesTools;
  Texts texts;
  CompiledChat result;
};

} // namespace

llvm::Expected<CompiledChat> compileChatTemplate(llvm::StringRef source, const TemplateTokens &tokens) {
  llvm::Expected<Block> block = parseJinja(source);
  if (!block)
    return block.takeError();
  // Hugging Face passes `tools` as none. Templates that were written for tools that
  // leave it undefined may fail on that, and only on that.
  llvm::Expected<CompiledChat> chat = Prober(*block, tokens, /*definesTools=*/true).run();
  if (chat)
    return chat;
  llvm::Expected<CompiledChat> second = Prober(*block, tokens, /*definesTools=*/false).run();
  if (!second) {
    llvm::consumeError(second.takeError());
    return chat;
  }
  llvm::consumeError(chat.takeError());
  return second;
}

} // namespace phic::tokenizer
