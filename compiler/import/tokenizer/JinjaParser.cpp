//===- JinjaParser.cpp - A Jinja template as a tree -----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recursive descent, one function a precedence level. The first problem is kept;
// after it every function returns at once with whatever it has.
//===----------------------------------------------------------------------===//
#include "compiler/import/tokenizer/Jinja.h"
#include "compiler/import/tokenizer/JinjaLexer.h"
#include "compiler/import/tokenizer/Json.h"
#include "llvm/ADT/STLExtras.h"
#include <cstdlib>

namespace phic::tokenizer {
namespace {

constexpr unsigned MaxDepth = 100;

class Parser {
public:
  explicit Parser(std::vector<JinjaToken> tokens) : tokens(std::move(tokens)) {}

  llvm::Expected<Block> run() {
    Block result = block({});
    if (!problem.empty())
      return fail("chat template, line " + llvm::Twine(problemLine) + ": " + problem);
    return std::move(result);
  }

private:
  //===------------------------------------------------------------------===//
  // Tokens
  //===------------------------------------------------------------------===//

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
    explicit Nesting(Parser &parser) : parser(parser) {
      if (++parser.nesting > MaxDepth)
        parser.complain("it is nested deeper than " + llvm::Twine(MaxDepth));
    }
    ~Nesting() { --parser.nesting; }
    Parser &parser;
  };

  //===------------------------------------------------------------------===//
  // Statements
  //===------------------------------------------------------------------===//

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

  //===------------------------------------------------------------------===//
  // Expressions, weakest operator first
  //===------------------------------------------------------------------===//

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

  ExpressionPtr expression() {
    Nesting guard(*this);
    if (!problem.empty())
      return make(Expression::None, "");
    ExpressionPtr value = orExpression();
    while (takeName("if")) {
      ExpressionPtr condition = orExpression();
      ExpressionPtr otherwise = takeName("else") ? expression() : nullptr;
      value = make(Expression::Choice, "", std::move(value), std::move(condition), std::move(otherwise));
    }
    return value;
  }

  ExpressionPtr orExpression() {
    ExpressionPtr left = andExpression();
    while (takeName("or"))
      left = make(Expression::Binary, "or", std::move(left), andExpression());
    return left;
  }

  ExpressionPtr andExpression() {
    ExpressionPtr left = notExpression();
    while (takeName("and"))
      left = make(Expression::Binary, "and", std::move(left), notExpression());
    return left;
  }

  ExpressionPtr notExpression() {
    Nesting guard(*this);
    if (takeName("not"))
      return make(Expression::Unary, "not", notExpression());
    return comparison();
  }

  ExpressionPtr comparison() {
    ExpressionPtr left = sum();
    for (unsigned count = 0; problem.empty(); ++count) {
      std::string op;
      if (peek().kind == JinjaToken::Operator &&
          llvm::is_contained({"==", "!=", "<", "<=", ">", ">="}, llvm::StringRef(peek().text)))
        op = tokens[at++].text;
      else if (takeName("in"))
        op = "in";
      else if (isName("not") && peek(1).kind == JinjaToken::Name && peek(1).text == "in") {
        at += 2;
        op = "not in";
      } else
        break;
      if (count > 0)
        complain("chained comparisons are not supported");
      left = make(Expression::Binary, op, std::move(left), sum());
    }
    return left;
  }

  ExpressionPtr sum() {
    ExpressionPtr left = concatenation();
    while (problem.empty() && (is(JinjaToken::Operator, "+") || is(JinjaToken::Operator, "-"))) {
      std::string op = tokens[at++].text;
      left = make(Expression::Binary, std::move(op), std::move(left), concatenation());
    }
    return left;
  }

  ExpressionPtr concatenation() {
    ExpressionPtr left = product();
    while (takeOperator("~"))
      left = make(Expression::Binary, "~", std::move(left), product());
    return left;
  }

  ExpressionPtr product() {
    ExpressionPtr left = unary();
    while (problem.empty() && peek().kind == JinjaToken::Operator &&
           llvm::is_contained({"*", "/", "//", "%", "**"}, llvm::StringRef(peek().text))) {
      std::string op = tokens[at++].text;
      left = make(Expression::Binary, std::move(op), std::move(left), unary());
    }
    return left;
  }

  ExpressionPtr unary() {
    Nesting guard(*this);
    if (!problem.empty())
      return make(Expression::None, "");
    for (const char *sign : {"-", "+"})
      if (takeOperator(sign))
        return make(Expression::Unary, sign, unary());
    return filters(postfix(primary()));
  }

  /// .name, [..], (..)
  ExpressionPtr postfix(ExpressionPtr value) {
    while (problem.empty()) {
      if (takeOperator(".")) {
        value = make(Expression::Attribute, expectName(), std::move(value));
      } else if (takeOperator("[")) {
        value = subscript(std::move(value));
      } else if (takeOperator("(")) {
        value = make(Expression::Call, "", std::move(value));
        arguments(*value);
      } else {
        break;
      }
    }
    return value;
  }

  ExpressionPtr subscript(ExpressionPtr value) {
    ExpressionPtr parts[3];
    int colons = 0;
    while (problem.empty() && !takeOperator("]")) {
      if (takeOperator(":"))
        ++colons;
      else if (parts[std::min(colons, 2)])
        complain("expected ']'" + found());
      else
        parts[std::min(colons, 2)] = expression();
    }
    if (colons > 2 || (colons == 0 && !parts[0]))
      complain("a malformed subscript");
    if (colons == 0)
      return make(Expression::Index, "", std::move(value), std::move(parts[0]));
    return make(Expression::Slice, "", std::move(value), std::move(parts[0]), std::move(parts[1]), std::move(parts[2]));
  }

  /// After "(".
  void arguments(Expression &call) {
    while (problem.empty() && !takeOperator(")")) {
      if (peek().kind == JinjaToken::Name && peek(1).kind == JinjaToken::Operator && peek(1).text == "=") {
        std::string name = expectName();
        ++at;
        addNamed(call, std::move(name), expression());
      } else {
        adopt(call, expression());
      }
      if (!takeOperator(",") && !is(JinjaToken::Operator, ")"))
        complain("expected ')'" + found());
    }
  }

  void addNamed(Expression &parent, std::string name, ExpressionPtr value) {
    parent.depth = std::max(parent.depth, value->depth + 1);
    parent.named.emplace_back(std::move(name), std::move(value));
  }

  /// | filter(..), is test, is not test
  ExpressionPtr filters(ExpressionPtr value) {
    while (problem.empty()) {
      if (takeOperator("|")) {
        value = make(Expression::Filter, expectName(), std::move(value));
        if (takeOperator("("))
          arguments(*value);
      } else if (takeName("is")) {
        const bool negated = takeName("not");
        value = make(Expression::Test, expectName(), std::move(value));
        if (takeOperator("("))
          arguments(*value);
        else if (llvm::is_contained({"in", "equalto", "eq", "divisibleby"}, llvm::StringRef(value->text)))
          adopt(*value, postfix(primary()));
        if (negated)
          value = make(Expression::Unary, "not", std::move(value));
      } else {
        break;
      }
    }
    return value;
  }

  ExpressionPtr primary() {
    const JinjaToken &token = peek();
    ++at;
    switch (token.kind) {
    case JinjaToken::String: {
      ExpressionPtr text = make(Expression::String, token.text);
      while (problem.empty() && peek().kind == JinjaToken::String) // 'a' 'b'
        text->text += tokens[at++].text;
      return text;
    }
    case JinjaToken::Integer: {
      ExpressionPtr number = make(Expression::Integer, "");
      number->integer = std::strtoll(token.text.c_str(), nullptr, 10);
      return number;
    }
    case JinjaToken::Float: {
      ExpressionPtr number = make(Expression::Float, "");
      number->number = std::strtod(token.text.c_str(), nullptr);
      return number;
    }
    case JinjaToken::Name:
      return name(token.text);
    default:
      --at;
      if (takeOperator("("))
        return parenthesized();
      if (takeOperator("["))
        return list("]");
      if (takeOperator("{"))
        return dict();
      complain("expected an expression" + found());
      return make(Expression::None, "");
    }
  }

  ExpressionPtr name(const std::string &text) {
    const bool isTrue = text == "true" || text == "True";
    if (isTrue || text == "false" || text == "False") {
      ExpressionPtr value = make(Expression::Boolean, "");
      value->integer = isTrue;
      return value;
    }
    if (text == "none" || text == "None")
      return make(Expression::None, "");
    return make(Expression::Name, text);
  }

  /// (a), or a tuple, which is a list here.
  ExpressionPtr parenthesized() {
    if (is(JinjaToken::Operator, ")"))
      return list(")");
    ExpressionPtr first = expression();
    if (takeOperator(")"))
      return first;
    expectOperator(",");
    ExpressionPtr tuple = list(")");
    tuple->children.insert(tuple->children.begin(), std::move(first));
    return tuple;
  }

  ExpressionPtr list(llvm::StringRef close) {
    ExpressionPtr made = make(Expression::List, "");
    while (problem.empty() && !takeOperator(close)) {
      adopt(*made, expression());
      if (!takeOperator(",") && !is(JinjaToken::Operator, close))
        complain("expected '" + close + "'" + found());
    }
    return made;
  }

  ExpressionPtr dict() {
    ExpressionPtr made = make(Expression::Dict, "");
    while (problem.empty() && !takeOperator("}")) {
      if (peek().kind != JinjaToken::String)
        complain("dict keys other than strings are not supported");
      std::string key = peek().text;
      ++at;
      expectOperator(":");
      addNamed(*made, std::move(key), expression());
      if (!takeOperator(",") && !is(JinjaToken::Operator, "}"))
        complain("expected '}'" + found());
    }
    return made;
  }

  std::vector<JinjaToken> tokens;
  size_t at = 0;
  unsigned nesting = 0, loops = 0;
  std::string problem;
  unsigned problemLine = 0;
};

} // namespace

llvm::Expected<Block> parseJinja(llvm::StringRef source) {
  llvm::Expected<std::vector<JinjaToken>> tokens = lexJinja(source);
  if (!tokens)
    return tokens.takeError();
  return Parser(std::move(*tokens)).run();
}

} // namespace phic::tokenizer
