//===- JinjaParser.cpp - A Jinja template as a tree -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recursive descent over the statements; JinjaExpressions.h has the expressions.
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/JinjaExpressions.h"
#include "compiler/tokenizer/JsonFields.h"
#include "llvm/ADT/STLExtras.h"

namespace phic::tokenizer {
namespace {

class Parser : ExpressionParser {
public:
  using ExpressionParser::ExpressionParser;

  llvm::Expected<Block> run() {
    Block result = block({});
    if (!problem.empty())
      return fail("chat template, line " + llvm::Twine(problemLine) + ": " + problem);
    return std::move(result);
  }

private:
  /// Statements up to a tag that begins with one of `ends` (not taken), or the end.
  Block block(llvm::ArrayRef<llvm::StringRef> ends) {
    Nesting guard(*this);
    Block result;
    while (problem.empty() && peek().kind != JinjaToken::End) {
      if (peek().kind == JinjaToken::Text) {
        Statement text;
        text.text = tokens[at++].text;
        result.push_back(std::move(text));
      } else if (peek().kind == JinjaToken::BeginOutput) {
        ++at;
        Statement output;
        output.kind = Statement::Output;
        output.value = expression();
        expectEnd(JinjaToken::EndOutput);
        result.push_back(std::move(output));
      } else {
        if (llvm::is_contained(ends, llvm::StringRef(peek(1).text)))
          return result;
        ++at;
        statement(result);
      }
    }
    if (!ends.empty())
      complain("'" + ends.back() + "' is missing");
    return result;
  }

  /// After "{%".
  void statement(Block &result) {
    if (takeName("generation")) { // marks the assistant's text for training; prints nothing
      expectEnd(JinjaToken::EndTag);
      for (Statement &inner : block({"endgeneration"}))
        result.push_back(std::move(inner));
      return endTag();
    }
    Statement made;
    if (takeName("if"))
      ifStatement(made);
    else if (takeName("for"))
      forStatement(made);
    else if (takeName("set"))
      setStatement(made);
    else if (isName("break") || isName("continue")) {
      made.kind = isName("break") ? Statement::Break : Statement::Continue;
      if (loops == 0)
        complain("'" + peek().text + "' outside of a loop");
      endTag();
    } else {
      complain("the statement '" + peek().text.substr(0, 40) + "' is not supported");
    }
    result.push_back(std::move(made));
  }

  /// At the name of a tag without anything else: takes it and "%}". After "{%", or at it.
  void endTag() {
    at += peek().kind == JinjaToken::BeginTag;
    ++at;
    expectEnd(JinjaToken::EndTag);
  }

  void ifStatement(Statement &made) {
    made.kind = Statement::If;
    ExpressionPtr condition = expression();
    expectEnd(JinjaToken::EndTag);
    while (problem.empty()) {
      Block body = block({"elif", "else", "endif"});
      made.branches.emplace_back(std::move(condition), std::move(body));
      const bool wasElse = !made.branches.back().first;
      ++at; // "{%"
      if (isName("endif") || wasElse)
        break;
      const bool isElse = isName("else");
      ++at;
      condition = isElse ? nullptr : expression();
      expectEnd(JinjaToken::EndTag);
    }
    if (problem.empty() && !isName("endif"))
      complain("expected 'endif'" + found());
    endTag();
  }

  void forStatement(Statement &made) {
    made.kind = Statement::For;
    do
      made.names.push_back(expectName());
    while (takeOperator(","));
    if (!takeName("in"))
      complain("expected 'in'" + found());
    made.value = orExpression(); // no choice here: "if" begins the loop's filter
    if (takeName("if"))
      made.condition = expression();
    if (isName("recursive"))
      complain("recursive loops are not supported");
    expectEnd(JinjaToken::EndTag);
    ++loops;
    made.branches.emplace_back(nullptr, block({"else", "endfor"}));
    --loops;
    if (problem.empty() && peek(1).text == "else") {
      endTag();
      made.branches.emplace_back(nullptr, block({"endfor"}));
    }
    endTag();
  }

  void setStatement(Statement &made) {
    made.kind = Statement::Set;
    made.names.push_back(expectName());
    if (takeOperator("."))
      made.names.push_back(expectName());
    if (takeOperator("=")) {
      made.value = expression();
      return expectEnd(JinjaToken::EndTag);
    }
    if (made.names.size() > 1 || peek().kind != JinjaToken::EndTag)
      complain("this form of 'set' is not supported");
    made.kind = Statement::SetBlock;
    expectEnd(JinjaToken::EndTag);
    made.branches.emplace_back(nullptr, block({"endset"}));
    endTag();
  }

  unsigned loops = 0;
};

} // namespace

llvm::Expected<Block> parseJinja(llvm::StringRef source) {
  llvm::Expected<std::vector<JinjaToken>> tokens = lexJinja(source);
  if (!tokens)
    return tokens.takeError();
  return Parser(std::move(*tokens)).run();
}

} // namespace phic::tokenizer
