//===- JinjaExpressions.h - Parsing Jinja's expressions --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tokens of a template and the expressions among them; JinjaParser.cpp adds
// the statements. The first problem is kept; after it every function returns at
// once with whatever it has.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_JINJAEXPRESSIONS_H
#define PHIC_COMPILER_TOKENIZER_JINJAEXPRESSIONS_H

#include "compiler/tokenizer/Jinja.h"
#include "compiler/tokenizer/JinjaLexer.h"
#include "llvm/ADT/Twine.h"
#include <algorithm>

namespace phic::tokenizer {

class ExpressionParser {
public:
  explicit ExpressionParser(std::vector<JinjaToken> tokens) : tokens(std::move(tokens)) {}

protected:
  static constexpr unsigned MaxDepth = 100;

  const JinjaToken &peek(size_t ahead = 0) const { return tokens[std::min(at + ahead, tokens.size() - 1)]; }
  bool is(JinjaToken::Kind kind, llvm::StringRef text) const { return peek().kind == kind && peek().text == text; }
  bool isName(llvm::StringRef text) const { return is(JinjaToken::Name, text); }
  bool take(JinjaToken::Kind kind, llvm::StringRef text) {
    if (!problem.empty() || !is(kind, text))
      return false;
    ++at;
    return true;
  }
  bool takeName(llvm::StringRef text) { return take(JinjaToken::Name, text); }
  bool takeOperator(llvm::StringRef text) { return take(JinjaToken::Operator, text); }
  void expectOperator(llvm::StringRef text) {
    if (!takeOperator(text))
      complain("expected '" + text + "'" + found());
  }
  void expectEnd(JinjaToken::Kind kind) {
    if (problem.empty() && peek().kind != kind)
      complain("the tag goes on" + found());
    ++at;
  }
  std::string expectName() {
    if (peek().kind != JinjaToken::Name) {
      complain("expected a name" + found());
      return "";
    }
    return tokens[at++].text;
  }
  std::string found() const { return peek().text.empty() ? "" : ", found '" + peek().text.substr(0, 40) + "'"; }
  void complain(const llvm::Twine &what) {
    if (!problem.empty())
      return;
    problem = what.str();
    problemLine = peek().line;
  }

  struct Nesting {
    explicit Nesting(ExpressionParser &parser) : parser(parser) {
      if (++parser.nesting > MaxDepth)
        parser.complain("it is nested deeper than " + llvm::Twine(MaxDepth));
    }
    ~Nesting() { --parser.nesting; }
    ExpressionParser &parser;
  };

  ExpressionPtr expression();
  ExpressionPtr orExpression();

  std::vector<JinjaToken> tokens;
  size_t at = 0;
  unsigned nesting = 0;
  std::string problem;
  unsigned problemLine = 0;

private:
  template <typename... Children> ExpressionPtr make(Expression::Kind kind, std::string text, Children... children) {
    auto made = std::make_unique<Expression>();
    made->kind = kind;
    made->text = std::move(text);
    (adopt(*made, std::move(children)), ...);
    return made;
  }

  void adopt(Expression &parent, ExpressionPtr child) {
    if (child)
      parent.depth = std::max(parent.depth, child->depth + 1);
    if (parent.depth > MaxDepth)
      complain("an expression is nested deeper than " + llvm::Twine(MaxDepth));
    parent.children.push_back(std::move(child));
  }

  void addNamed(Expression &parent, std::string name, ExpressionPtr value) {
    parent.depth = std::max(parent.depth, value->depth + 1);
    parent.named.emplace_back(std::move(name), std::move(value));
  }

  // One function a precedence level, weakest first.
  ExpressionPtr andExpression();
  ExpressionPtr notExpression();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr unary();
  /// .name, [..], (..)
  ExpressionPtr postfix(ExpressionPtr value);
  ExpressionPtr subscript(ExpressionPtr value);
  /// After "(".
  void arguments(Expression &call);
  /// | filter(..), is test, is not test
  ExpressionPtr filters(ExpressionPtr value);
  ExpressionPtr primary();
  ExpressionPtr name(const std::string &text);
  /// (a), or a tuple, which is a list here.
  ExpressionPtr parenthesized();
  ExpressionPtr list(llvm::StringRef close);
  ExpressionPtr dict();
};

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_JINJAEXPRESSIONS_H
