//===- ChatTemplate.h - Jinja chat templates as tables ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A chat template is a Jinja program from messages to text. Most only put texts
// around and between messages. This is found out by running the template on
// probe conversations and taking the messages out of what it prints; what is
// left are the texts of phi_chat, and longer conversations check them. No
// template is known by its name or its model's.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_CHATTEMPLATE_H
#define PHIC_COMPILER_TOKENIZER_CHATTEMPLATE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>
#include <vector>

namespace phic::tokenizer {

/// Strings a template may refer to.
struct TemplateTokens {
  std::string bos, eos, unk, pad;
  std::string prefix; ///< what the tokenizer puts before every text, as text
};

struct CompiledChat {
  std::vector<uint8_t> table; ///< phi_chat
  std::string afterAnswer;    ///< text between the assistant's answer and a user's next message
  std::vector<std::string> warnings;
};

/// An error says why the template does not become a table.
llvm::Expected<CompiledChat> compileChatTemplate(llvm::StringRef source, const TemplateTokens &tokens);

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_CHATTEMPLATE_H
