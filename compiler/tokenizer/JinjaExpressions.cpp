//===- JinjaExpressions.cpp - Parsing Jinja's expressions -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/JinjaExpressions.h"
#include "llvm/ADT/STLExtras.h"
#include <cstdlib>

namespace phic::tokenizer {

ExpressionPtr ExpressionParser::expression() {
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

ExpressionPtr ExpressionParser::orExpression() {
  ExpressionPtr left = andExpression();
  while (takeName("or"))
    left = make(Expression::Binary, "or", std::move(left), andExpression());
  return left;
}

ExpressionPtr ExpressionParser::andExpression() {
  ExpressionPtr left = notExpression();
  while (takeName("and"))
    left = make(Expression::Binary, "and", std::move(left), notExpression());
  return left;
}

ExpressionPtr ExpressionParser::notExpression() {
  Nesting guard(*this);
  if (takeName("not"))
    return make(Expression::Unary, "not", notExpression());
  return comparison();
}

ExpressionPtr ExpressionParser::comparison() {
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

ExpressionPtr ExpressionParser::sum() {
  ExpressionPtr left = concatenation();
  while (problem.empty() && (is(JinjaToken::Operator, "+") || is(JinjaToken::Operator, "-"))) {
    std::string op = tokens[at++].text;
    left = make(Expression::Binary, std::move(op), std::move(left), concatenation());
  }
  return left;
}

ExpressionPtr ExpressionParser::concatenation() {
  ExpressionPtr left = product();
  while (takeOperator("~"))
    left = make(Expression::Binary, "~", std::move(left), product());
  return left;
}

ExpressionPtr ExpressionParser::product() {
  ExpressionPtr left = unary();
  while (problem.empty() && peek().kind == JinjaToken::Operator &&
         llvm::is_contained({"*", "/", "//", "%", "**"}, llvm::StringRef(peek().text))) {
    std::string op = tokens[at++].text;
    left = make(Expression::Binary, std::move(op), std::move(left), unary());
  }
  return left;
}

ExpressionPtr ExpressionParser::unary() {
  Nesting guard(*this);
  if (!problem.empty())
    return make(Expression::None, "");
  for (const char *sign : {"-", "+"})
    if (takeOperator(sign))
      return make(Expression::Unary, sign, unary());
  return filters(postfix(primary()));
}

ExpressionPtr ExpressionParser::postfix(ExpressionPtr value) {
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

ExpressionPtr ExpressionParser::subscript(ExpressionPtr value) {
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

void ExpressionParser::arguments(Expression &call) {
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

ExpressionPtr ExpressionParser::filters(ExpressionPtr value) {
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

ExpressionPtr ExpressionParser::primary() {
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

ExpressionPtr ExpressionParser::name(const std::string &text) {
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

ExpressionPtr ExpressionParser::parenthesized() {
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

ExpressionPtr ExpressionParser::list(llvm::StringRef close) {
  ExpressionPtr made = make(Expression::List, "");
  while (problem.empty() && !takeOperator(close)) {
    adopt(*made, expression());
    if (!takeOperator(",") && !is(JinjaToken::Operator, close))
      complain("expected '" + close + "'" + found());
  }
  return made;
}

ExpressionPtr ExpressionParser::dict() {
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

} // namespace phic::tokenizer
