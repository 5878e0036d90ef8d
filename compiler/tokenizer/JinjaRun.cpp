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
    if (machine.failed())
      return fail("the chat template cannot be compiled: " + machine.problem);
    return output;
  }

private:
  using Scope = std::vector<std::pair<std::string, Value>>;
  enum class Flow { Next, Break, Continue };

  void define(const ChatInput &input) {
    ValueList messages;
    for (const ChatMessage &message : input.messages)
      messages.push_back(machine.dict(
          {{"role", machine.string(message.role)}, {"content", machine.string(message.content, /*isMessage=*/true)}}));
    set("messages", machine.list(std::move(messages)));
    set("add_generation_prompt", Machine::boolean(true));
    if (input.definesTools) {
      set("tools", Machine::none());
      set("documents", Machine::none());
    }
    for (auto [name, text] : {std::pair("bos_token", &input.bos), std::pair("eos_token", &input.eos),
                              std::pair("unk_token", &input.unk), std::pair("pad_token", &input.pad)})
      if (!text->empty())
        set(name, machine.string(*text));
    for (const char *name : {"raise_exception", "namespace", "dict", "range"})
      set(name, Machine::function(name));
  }

  void set(llvm::StringRef name, Value value) {
    for (auto &[known, slot] : scopes.back())
      if (known == name) {
        slot = std::move(value);
        return;
      }
    scopes.back().emplace_back(name.str(), std::move(value));
  }

  Value get(llvm::StringRef name) {
    for (const Scope &scope : llvm::reverse(scopes))
      for (const auto &[known, value] : scope) {
        machine.charge(1);
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
      if (machine.failed())
        break;
      machine.charge(1);
      const Flow flow = print(statement, output);
      if (flow != Flow::Next)
        return flow;
    }
    return Flow::Next;
  }

  Flow print(const Statement &statement, std::string &output) {
    switch (statement.kind) {
    case Statement::Text:
      append(machine.string(statement.text), output);
      break;
    case Statement::Output:
      append(machine.print(evaluate(*statement.value)), output);
      break;
    case Statement::If:
      for (const auto &[condition, body] : statement.branches)
        if (!condition || Machine::truth(evaluate(*condition)))
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
      assign(statement, machine.string(std::move(text), printedMessage));
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
    output += text.text;
    machine.charge(text.text.size());
    printedMessage |= text.isMessage;
  }

  void assign(const Statement &statement, Value value) {
    if (statement.names.size() == 1)
      return set(statement.names[0], std::move(value));
    const Value object = get(statement.names[0]);
    if (object.kind != Value::Namespace)
      return machine.complain("'" + statement.names[0] + "' is no namespace that could be set");
    for (auto &[name, slot] : *object.dict)
      if (name == statement.names[1]) {
        slot = std::move(value);
        return;
      }
    object.dict->emplace_back(statement.names[1], std::move(value));
  }

  void loop(const Statement &statement, std::string &output) {
    ValueList items = machine.items(evaluate(*statement.value));
    scopes.emplace_back();
    llvm::scope_exit leave([&] { scopes.pop_back(); });
    if (statement.condition)
      llvm::erase_if(items, [&](const Value &item) {
        scopes.back().clear();
        bind(statement, item);
        return !Machine::truth(evaluate(*statement.condition));
      });
    for (size_t i = 0; i < items.size() && !machine.failed(); ++i) {
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
      return machine.complain("a loop's item has not as many parts as the loop has names");
    for (size_t i = 0; i < statement.names.size(); ++i)
      set(statement.names[i], (*item.list)[i]);
  }

  Value loopValue(const ValueList &items, size_t at) {
    const auto size = static_cast<int64_t>(items.size()), i = static_cast<int64_t>(at);
    return machine.dict({{"index", Machine::integer(i + 1)},
                         {"index0", Machine::integer(i)},
                         {"revindex", Machine::integer(size - i)},
                         {"revindex0", Machine::integer(size - i - 1)},
                         {"first", Machine::boolean(i == 0)},
                         {"last", Machine::boolean(i + 1 == size)},
                         {"length", Machine::integer(size)},
                         {"previtem", i ? items[at - 1] : Value()},
                         {"nextitem", i + 1 < size ? items[at + 1] : Value()}});
  }

  //===------------------------------------------------------------------===//
  // Expressions
  //===------------------------------------------------------------------===//

  Value evaluate(const Expression &e) {
    if (machine.failed())
      return Value();
    Value value = compute(e);
    machine.charge(1 + value.text.size());
    return value;
  }

  Value compute(const Expression &e) {
    switch (e.kind) {
    case Expression::None:
      return Machine::none();
    case Expression::Boolean:
      return Machine::boolean(e.integer);
    case Expression::Integer:
      return Machine::integer(e.integer);
    case Expression::Float:
      return Machine::number(e.number);
    case Expression::String:
      return machine.string(e.text);
    case Expression::Name:
      return get(e.text);
    case Expression::List:
      return machine.list(evaluateAll(e, 0));
    case Expression::Dict:
      return machine.dict(evaluateNamed(e));
    case Expression::Attribute:
      return machine.attribute(evaluate(*e.children[0]), e.text);
    case Expression::Index:
      return machine.index(evaluate(*e.children[0]), evaluate(*e.children[1]));
    case Expression::Slice: {
      const ValueList parts = evaluateAll(e, 0);
      return machine.slice(parts[0], llvm::ArrayRef(parts).drop_front());
    }
    case Expression::Call:
      return machine.call(evaluate(*e.children[0]), evaluateAll(e, 1), evaluateNamed(e));
    case Expression::Filter:
      return machine.filter(e.text, evaluate(*e.children[0]), evaluateAll(e, 1), evaluateNamed(e));
    case Expression::Test:
      return Machine::boolean(machine.test(e.text, evaluate(*e.children[0]), evaluateAll(e, 1)));
    case Expression::Unary:
      return unary(e.text, evaluate(*e.children[0]));
    case Expression::Binary:
      return binary(e);
    case Expression::Choice:
      if (Machine::truth(evaluate(*e.children[1])))
        return evaluate(*e.children[0]);
      return e.children[2] ? evaluate(*e.children[2]) : Value();
    }
    return Value();
  }

  ValueList evaluateAll(const Expression &e, size_t first) {
    ValueList values;
    for (size_t i = first; i < e.children.size(); ++i)
      values.push_back(e.children[i] ? evaluate(*e.children[i]) : Machine::none());
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
      return Machine::boolean(!Machine::truth(value));
    return op == "-" ? machine.arithmetic("-", Machine::integer(0), value) : value;
  }

  Value binary(const Expression &e) {
    llvm::StringRef op = e.text;
    Value left = evaluate(*e.children[0]);
    if (op == "and" || op == "or")
      return Machine::truth(left) == (op == "and") ? evaluate(*e.children[1]) : left;
    const Value right = evaluate(*e.children[1]);
    if (llvm::is_contained({"==", "!=", "<", "<=", ">", ">=", "in", "not in"}, op))
      return machine.compare(op, left, right);
    return machine.arithmetic(op, left, right);
  }

  Machine machine;
  std::vector<Scope> scopes;
  bool printedMessage = false;
};

} // namespace

llvm::Expected<std::string> renderChat(const Block &block, const ChatInput &input) {
  return Runner().run(block, input);
}

} // namespace phic::tokenizer
