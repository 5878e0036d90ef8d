//===- JinjaRun.cpp - Running a Jinja template on a conversation ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/Jinja.h"
#include "compiler/tokenizer/JinjaValue.h"
#include "compiler/tokenizer/JsonFields.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/ScopeExit.h"

namespace phic::tokenizer {
namespace {

class Runner {
public:
  llvm::Expected<std::string> run(const Block &block, const ChatInput &input) {
    scopes.emplace_back();
    define(input);
    std::string output;
    print(block, output);
    if (state.failed())
      return fail("the chat template cannot be compiled: " + state.problem);
    return output;
  }

private:
  using Scope = std::vector<std::pair<llvm::StringRef, Value>>;
  enum class Flow { Next, Break, Continue };

  void define(const ChatInput &input) {
    ValueList messages;
    for (const ChatMessage &message : input.messages)
      messages.push_back(state.dict(
          {{"role", state.string(message.role)}, {"content", state.string(message.content, /*isMessage=*/true)}}));
    set("messages", state.list(std::move(messages)));
    set("add_generation_prompt", TemplateRun::boolean(true));
    if (input.definesTools) {
      set("tools", TemplateRun::none());
      set("documents", TemplateRun::none());
    }
    for (auto [name, text] : {std::pair("bos_token", &input.bos), std::pair("eos_token", &input.eos),
                              std::pair("unk_token", &input.unk), std::pair("pad_token", &input.pad)})
      if (!text->empty())
        set(name, state.string(*text));
    for (const char *name : {"raise_exception", "namespace", "dict", "range"})
      set(name, TemplateRun::function(name));
  }

  void set(llvm::StringRef name, Value value) {
    state.charge(scopes.back().size());
    for (auto &[known, slot] : scopes.back())
      if (known == name) {
        slot = std::move(value);
        return;
      }
    scopes.back().emplace_back(name, std::move(value));
  }

  Value get(llvm::StringRef name) {
    for (const Scope &scope : llvm::reverse(scopes))
      for (const auto &[known, value] : scope) {
        state.charge(1);
        if (known == name)
          return value;
      }
    return Value();
  }

  //===------------------------------------------------------------------===//
  // Statements
  //===------------------------------------------------------------------===//

  Flow print(const Block &block, std::string &output) {
    for (const Statement &statement : block) {
      if (state.failed())
        break;
      state.charge(1);
      const Flow flow = print(statement, output);
      if (flow != Flow::Next)
        return flow;
    }
    return Flow::Next;
  }

  Flow print(const Statement &statement, std::string &output) {
    switch (statement.kind) {
    case Statement::Text:
      append(TemplateRun::literal(statement.text), output);
      break;
    case Statement::Output:
      append(state.print(evaluate(*statement.value)), output);
      break;
    case Statement::If:
      for (const auto &[condition, body] : statement.branches)
        if (!condition || TemplateRun::truth(evaluate(*condition)))
          return print(body, output);
      break;
    case Statement::For:
      loop(statement, output);
      break;
    case Statement::Set:
      assign(statement, evaluate(*statement.value));
      break;
    case Statement::SetBlock: {
      std::string text;
      const bool outer = std::exchange(printedMessage, false);
      print(statement.branches[0].second, text);
      assign(statement, state.string(text, printedMessage));
      printedMessage |= outer;
      break;
    }
    case Statement::Break:
      return Flow::Break;
    case Statement::Continue:
      return Flow::Continue;
    }
    return Flow::Next;
  }

  void append(const Value &text, std::string &output) {
    if (state.afford(text.text.size()))
      output += text.text;
    printedMessage |= text.isMessage;
  }

  void assign(const Statement &statement, Value value) {
    if (statement.names.size() == 1)
      return set(statement.names[0], std::move(value));
    const Value object = get(statement.names[0]);
    if (object.kind != Value::Namespace)
      return state.complain("'" + statement.names[0] + "' is no namespace that could be set");
    state.charge(object.dict->size());
    for (auto &[name, slot] : *object.dict)
      if (name == statement.names[1]) {
        slot = std::move(value);
        return;
      }
    object.dict->emplace_back(statement.names[1], std::move(value));
  }

  void loop(const Statement &statement, std::string &output) {
    ValueList items = state.items(evaluate(*statement.value));
    scopes.emplace_back();
    llvm::scope_exit leave([&] { scopes.pop_back(); });
    if (statement.condition)
      llvm::erase_if(items, [&](const Value &item) {
        scopes.back().clear();
        bind(statement, item);
        return !TemplateRun::truth(evaluate(*statement.condition));
      });
    for (size_t i = 0; i < items.size() && !state.failed(); ++i) {
      scopes.back().clear();
      bind(statement, items[i]);
      set("loop", loopValue(items, i));
      if (print(statement.branches[0].second, output) == Flow::Break)
        break;
    }
    scopes.back().clear();
    if (items.empty() && statement.branches.size() > 1)
      print(statement.branches[1].second, output);
  }

  void bind(const Statement &statement, const Value &item) {
    if (statement.names.size() == 1)
      return set(statement.names[0], item);
    if (item.kind != Value::List || item.list->size() != statement.names.size())
      return state.complain("a loop's item has not as many parts as the loop has names");
    for (size_t i = 0; i < statement.names.size(); ++i)
      set(statement.names[i], (*item.list)[i]);
  }

  Value loopValue(const ValueList &items, size_t at) {
    const auto size = static_cast<int64_t>(items.size()), i = static_cast<int64_t>(at);
    return state.dict({{"index", TemplateRun::integer(i + 1)},
                       {"index0", TemplateRun::integer(i)},
                       {"revindex", TemplateRun::integer(size - i)},
                       {"revindex0", TemplateRun::integer(size - i - 1)},
                       {"first", TemplateRun::boolean(i == 0)},
                       {"last", TemplateRun::boolean(i + 1 == size)},
                       {"length", TemplateRun::integer(size)},
                       {"previtem", i ? items[at - 1] : Value()},
                       {"nextitem", i + 1 < size ? items[at + 1] : Value()}});
  }

  //===------------------------------------------------------------------===//
  // Expressions
  //===------------------------------------------------------------------===//

  Value evaluate(const Expression &e) {
    if (state.failed())
      return Value();
    state.charge(1);
    return compute(e);
  }

  Value compute(const Expression &e) {
    switch (e.kind) {
    case Expression::None:
      return TemplateRun::none();
    case Expression::Boolean:
      return TemplateRun::boolean(e.integer);
    case Expression::Integer:
      return TemplateRun::integer(e.integer);
    case Expression::Float:
      return TemplateRun::number(e.number);
    case Expression::String:
      return TemplateRun::literal(e.text);
    case Expression::Name:
      return get(e.text);
    case Expression::List:
      return state.list(evaluateAll(e, 0));
    case Expression::Dict:
      return state.dict(evaluateNamed(e));
    case Expression::Attribute:
      return state.attribute(evaluate(*e.children[0]), e.text);
    case Expression::Index:
      return state.index(evaluate(*e.children[0]), evaluate(*e.children[1]));
    case Expression::Slice: {
      const ValueList parts = evaluateAll(e, 0);
      return state.slice(parts[0], llvm::ArrayRef(parts).drop_front());
    }
    case Expression::Call:
      return state.call(evaluate(*e.children[0]), evaluateAll(e, 1), evaluateNamed(e));
    case Expression::Filter:
      return state.filter(e.text, evaluate(*e.children[0]), evaluateAll(e, 1), evaluateNamed(e));
    case Expression::Test:
      return TemplateRun::boolean(state.test(e.text, evaluate(*e.children[0]), evaluateAll(e, 1)));
    case Expression::Unary:
      return unary(e.text, evaluate(*e.children[0]));
    case Expression::Binary:
      return binary(e);
    case Expression::Choice:
      if (TemplateRun::truth(evaluate(*e.children[1])))
        return evaluate(*e.children[0]);
      return e.children[2] ? evaluate(*e.children[2]) : Value();
    }
    return Value();
  }

  ValueList evaluateAll(const Expression &e, size_t first) {
    ValueList values;
    for (size_t i = first; i < e.children.size(); ++i)
      values.push_back(e.children[i] ? evaluate(*e.children[i]) : TemplateRun::none());
    return values;
  }

  ValueDict evaluateNamed(const Expression &e) {
    ValueDict values;
    for (const auto &[name, value] : e.named)
      values.emplace_back(name, evaluate(*value));
    return values;
  }

  Value unary(llvm::StringRef op, const Value &value) {
    if (op == "not")
      return TemplateRun::boolean(!TemplateRun::truth(value));
    return op == "-" ? state.arithmetic("-", TemplateRun::integer(0), value) : value;
  }

  Value binary(const Expression &e) {
    llvm::StringRef op = e.text;
    Value left = evaluate(*e.children[0]);
    if (op == "and" || op == "or")
      return TemplateRun::truth(left) == (op == "and") ? evaluate(*e.children[1]) : left;
    const Value right = evaluate(*e.children[1]);
    if (llvm::is_contained({"==", "!=", "<", "<=", ">", ">=", "in", "not in"}, op))
      return state.compare(op, left, right);
    return state.arithmetic(op, left, right);
  }

  TemplateRun state;
  std::vector<Scope> scopes;
  bool printedMessage = false;
};

} // namespace

llvm::Expected<std::string> renderChat(const Block &block, const ChatInput &input) {
  return Runner().run(block, input);
}

} // namespace phic::tokenizer
