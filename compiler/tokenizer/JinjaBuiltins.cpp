//===- JinjaBuiltins.cpp - Jinja's functions, filters and tests -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Those that chat templates use. Trimming a message is allowed, since the tables
// can say it; anything else that depends on what a message says is not.
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/JinjaValue.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

namespace phic::tokenizer {
namespace {

constexpr int64_t MaxRange = 10000;

/// What trim and strip take; messages with other white space are trimmed at run time the same way.
constexpr llvm::StringLiteral whiteSpace = " \t\n\r\v\f";

Value valueOr(llvm::ArrayRef<Value> arguments, size_t at, Value fallback) {
  return at < arguments.size() ? arguments[at] : std::move(fallback);
}

} // namespace

Value TemplateRun::call(const Value &callee, llvm::ArrayRef<Value> arguments, const Named &named) {
  charge(1);
  if (callee.kind != Value::Function) {
    complain(llvm::Twine("a call of a ") + kindName(callee) + " is not supported");
    return Value();
  }
  if (callee.text[0] == '.')
    return method(callee.text.drop_front(), callee.list->front(), arguments, named);
  if (callee.text == "raise_exception") {
    const Value message = valueOr(arguments, 0, Value());
    complain("it refuses: " + (message.kind == Value::String ? message.text.take_front(1000) : ""));
    return Value();
  }
  if (callee.text == "namespace" || callee.text == "dict") {
    if (!arguments.empty())
      complain(callee.text + " with unnamed arguments is not supported");
    return dict(ValueDict(named.begin(), named.end()), callee.text == "dict" ? Value::Dict : Value::Namespace);
  }
  // range
  int64_t bounds[3] = {0, 0, 1};
  bool ok = !arguments.empty() && arguments.size() <= 3 && named.empty();
  for (size_t i = 0; ok && i < arguments.size(); ++i) {
    ok = arguments[i].kind == Value::Integer && std::abs(arguments[i].integer) <= MaxRange;
    bounds[arguments.size() == 1 ? 1 : i] = arguments[i].integer;
  }
  if (!ok || bounds[2] == 0) {
    complain("range with these arguments is not supported");
    return Value();
  }
  ValueList result;
  for (int64_t i = bounds[0]; bounds[2] > 0 ? i < bounds[1] : i > bounds[1]; i += bounds[2])
    result.push_back(integer(i));
  return list(std::move(result));
}

Value TemplateRun::method(llvm::StringRef name, const Value &object, llvm::ArrayRef<Value> arguments,
                          const Named &named) {
  if (object.kind == Value::Dict) {
    if (name == "get") {
      const Value key = valueOr(arguments, 0, Value());
      charge(object.dict->size());
      for (const auto &entry : *object.dict)
        if (key.kind == Value::String && entry.first == key.text)
          return entry.second;
      return valueOr(arguments, 1, none());
    }
    ValueList result;
    for (const auto &entry : *object.dict) {
      if (!afford(kItem))
        break;
      if (name == "items")
        result.push_back(list({literal(entry.first), entry.second}));
      else
        result.push_back(name == "keys" ? literal(entry.first) : entry.second);
    }
    return list(std::move(result));
  }
  if (llvm::is_contained({"strip", "lstrip", "rstrip"}, name) && arguments.empty()) {
    llvm::StringRef text = object.text;
    text = name == "rstrip" ? text : text.ltrim(whiteSpace);
    text = name == "lstrip" ? text : text.rtrim(whiteSpace);
    return string(text, object.isMessage);
  }
  if (llvm::is_contained({"upper", "lower", "capitalize", "title", "replace"}, name))
    return filter(name, object, arguments, named);
  lookAt(object, name);
  const Value what = valueOr(arguments, 0, Value());
  lookAt(what, name);
  if ((name == "startswith" || name == "endswith") && what.kind == Value::String) {
    llvm::StringRef text = object.text;
    return boolean(name == "startswith" ? text.starts_with(what.text) : text.ends_with(what.text));
  }
  if (name == "split" && arguments.size() == 1 && what.kind == Value::String && !what.text.empty()) {
    ValueList result;
    if (!affordSearch(object.text, what.text))
      return Value();
    for (llvm::StringRef rest = object.text; afford(kItem);) {
      const size_t end = rest.find(what.text);
      result.push_back(literal(rest.take_front(end)));
      if (end == llvm::StringRef::npos)
        break;
      rest = rest.drop_front(end + what.text.size());
    }
    return list(std::move(result));
  }
  complain("the method '" + name + "' of a " + kindName(object) + " is not supported");
  return Value();
}

Value TemplateRun::filter(llvm::StringRef name, const Value &value, llvm::ArrayRef<Value> arguments,
                          const Named &named) {
  charge(1);
  if (name == "trim" && arguments.empty() && value.kind == Value::String)
    return string(value.text.trim(whiteSpace), value.isMessage);
  if (name == "default" || name == "d") {
    const bool useTruth = arguments.size() > 1 && truth(arguments[1]);
    const bool missing = value.kind == Value::Undefined || (useTruth && !truth(value));
    return missing ? valueOr(arguments, 0, string("")) : value;
  }
  if (name == "selectattr" || name == "rejectattr")
    return select(name == "selectattr", value, arguments);
  if (name == "safe" || (name == "string" && value.kind == Value::String))
    return value;
  if (name == "string")
    return print(value);
  if (value.kind == Value::String) {
    lookAt(value, name);
    llvm::StringRef text = value.text;
    if (name == "length" || name == "count") // of bytes; only whether it is 0 can matter
      return integer(static_cast<int64_t>(text.size()));
    if (name == "upper")
      return string(text.upper());
    if (name == "lower")
      return string(text.lower());
    if (name == "capitalize")
      return string(text.take_front(1).upper() + text.drop_front(text.empty() ? 0 : 1).lower());
    if (name == "replace" && arguments.size() == 2 && arguments[0].kind == Value::String &&
        arguments[1].kind == Value::String && !arguments[0].text.empty())
      return replace(text, arguments[0].text, arguments[1]);
  }
  if (value.kind == Value::List) {
    const ValueList &entries = *value.list;
    if (name == "length" || name == "count")
      return integer(static_cast<int64_t>(entries.size()));
    if (name == "first" || name == "last")
      return entries.empty() ? Value() : name == "first" ? entries.front() : entries.back();
    if (name == "list")
      return value;
    if (name == "join")
      return join(entries, valueOr(arguments, 0, literal("")).text);
  }
  if (name == "length" && value.kind == Value::Dict)
    return integer(static_cast<int64_t>(value.dict->size()));
  complain("the filter '" + name + "' of a " + kindName(value) + " is not supported");
  return Value();
}

Value TemplateRun::replace(llvm::StringRef text, llvm::StringRef what, const Value &by) {
  std::string made;
  if (!affordSearch(text, what))
    return Value();
  for (;;) {
    const size_t end = text.find(what);
    if (!afford(text.take_front(end).size() + by.text.size()))
      return Value();
    made += text.take_front(end);
    if (end == llvm::StringRef::npos)
      return string(made, by.isMessage);
    made += by.text;
    text = text.drop_front(end + what.size());
  }
}

Value TemplateRun::join(const ValueList &entries, llvm::StringRef separator) {
  std::string made;
  bool isMessage = false;
  for (size_t i = 0; i < entries.size(); ++i) {
    const Value printed = print(entries[i]);
    if (!afford(1 + separator.size() + printed.text.size()))
      break;
    made += i ? separator : "";
    made += printed.text;
    isMessage |= printed.isMessage;
  }
  return string(made, isMessage);
}

/// selectattr('role', 'equalto', 'system')
Value TemplateRun::select(bool isKept, const Value &value, llvm::ArrayRef<Value> arguments) {
  ValueList result;
  if (arguments.empty() || arguments[0].kind != Value::String ||
      (arguments.size() > 1 && arguments[1].kind != Value::String))
    complain("selectattr with these arguments is not supported");
  for (const Value &entry : items(value)) {
    if (failed())
      break;
    const Value found = attribute(entry, arguments[0].text);
    const bool holds = arguments.size() < 2 ? truth(found) : test(arguments[1].text, found, arguments.drop_front(2));
    if (holds == isKept)
      result.push_back(entry);
  }
  return list(std::move(result));
}

bool TemplateRun::test(llvm::StringRef name, const Value &value, llvm::ArrayRef<Value> arguments) {
  charge(1);
  const Value::Kind kind = value.kind;
  if (arguments.size() == 1) {
    if (name == "equalto" || name == "eq" || name == "==")
      return equal(value, arguments[0]);
    if (name == "ne" || name == "!=")
      return !equal(value, arguments[0]);
    if (name == "in")
      return contains(arguments[0], value);
    if (name == "divisibleby" && kind == Value::Integer && arguments[0].kind == Value::Integer &&
        arguments[0].integer > 0)
      return value.integer % arguments[0].integer == 0;
  } else if (arguments.empty()) {
    if (name == "defined" || name == "undefined")
      return (kind != Value::Undefined) == (name == "defined");
    if (name == "none")
      return kind == Value::None;
    if (name == "string")
      return kind == Value::String;
    if (name == "mapping")
      return kind == Value::Dict;
    if (name == "sequence" || name == "iterable")
      return kind == Value::List || kind == Value::String || kind == Value::Dict;
    if (name == "number")
      return value.isNumber();
    if (name == "integer" || name == "boolean")
      return kind == (name == "integer" ? Value::Integer : Value::Boolean);
    if (name == "true" || name == "false")
      return kind == Value::Boolean && (value.integer != 0) == (name == "true");
    if ((name == "odd" || name == "even") && kind == Value::Integer)
      return (value.integer % 2 != 0) == (name == "odd");
    if (name == "callable")
      return kind == Value::Function;
  }
  complain("the test '" + name + "' of a " + kindName(value) + " is not supported");
  return false;
}

} // namespace phic::tokenizer
