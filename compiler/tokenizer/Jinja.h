//===- Jinja.h - The part of Jinja that chat templates use -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Parses a template into a tree and runs it on a conversation, as Hugging Face's
// apply_chat_template does (trim_blocks and lstrip_blocks on, one newline at the
// end of the source dropped). Statements: if, for, set, break, continue,
// generation. What is not known is an error that names it.
//
// Source, depth, work and output are bounded, so any input ends soon.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_JINJA_H
#define PHIC_COMPILER_TOKENIZER_JINJA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace phic::tokenizer {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Expression {
  enum Kind {
    None,
    Boolean,
    Integer,
    Float,
    String,
    Name,
    List,
    Dict,
    Attribute, ///< children[0].text
    Index,     ///< children[0][children[1]]
    Slice,     ///< children[0][children[1]:children[2]:children[3]], null where left out
    Call,      ///< children[0](children[1..], named)
    Filter,    ///< children[0] | text(children[1..], named)
    Test,      ///< children[0] is text(children[1..])
    Unary,     ///< text: not, -, +
    Binary,    ///< text: and, or, ==, in, +, ~ ..
    Choice     ///< children[0] if children[1] else children[2], null where left out
  };
  Kind kind = None;
  std::string text;
  int64_t integer = 0; ///< of Integer, Boolean
  double number = 0;
  std::vector<ExpressionPtr> children;
  std::vector<std::pair<std::string, ExpressionPtr>> named; ///< also the entries of a Dict
  unsigned depth = 1;
};

struct Statement;
using Block = std::vector<Statement>;

struct Statement {
  enum Kind {
    Text,     ///< text
    Output,   ///< {{ condition }}
    If,       ///< branches; a null condition is the else
    For,      ///< names in value [if condition]: branches[0]; branches[1] is the else
    Set,      ///< names[0] = value, or names[0].names[1] = value
    SetBlock, ///< names[0] = what branches[0] prints
    Break,
    Continue
  };
  Kind kind = Text;
  std::string text;
  std::vector<std::string> names;
  ExpressionPtr value;
  ExpressionPtr condition;
  std::vector<std::pair<ExpressionPtr, Block>> branches;
};

llvm::Expected<Block> parseJinja(llvm::StringRef source);

struct ChatMessage {
  std::string role;
  std::string content;
};

struct ChatInput {
  llvm::ArrayRef<ChatMessage> messages;
  std::string bos, eos, unk, pad; ///< {{ bos_token }} ..
  bool definesTools = true;       ///< tools and documents are none; else undefined
};

/// What the template prints with add_generation_prompt. The template may put
/// messages anywhere and trim them; it is an error if it looks inside them, since
/// what it prints then depends on what they say.
llvm::Expected<std::string> renderChat(const Block &block, const ChatInput &input);

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_JINJA_H
