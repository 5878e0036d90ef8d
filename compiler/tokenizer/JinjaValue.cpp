//===- JinjaValue.cpp - What Jinja's operators do -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
#include "compiler/tokenizer/JinjaValue.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"
#include <cmath>

namespace phic::tokenizer {

bool TemplateRun::truth(const Value &value) {
  switch (value.kind) {
  case Value::Undefined:
  case Value::None:
    return false;
  case Value::Boolean:
  case Value::Integer:
    return value.integer != 0;
  case Value::Float:
    return value.number != 0;
  case Value::String:
    return !value.text.empty();
  case Value::List:
    return !value.list->empty();
  case Value::Dict:
    return !value.dict->empty();
  case Value::Namespace:
  case Value::Function:
    return true;
  }
  return false;
}

const char *TemplateRun::kindName(const Value &value) {
  static const char *const names[] = {"undefined", "none", "bool", "int",       "float",
                                      "string",    "list", "dict", "namespace", "function"};
  return names[value.kind];
}

Value TemplateRun::print(const Value &value) {
  switch (value.kind) {
  case Value::Undefined:
    return string("");
  case Value::None:
    return string("None");
  case Value::Boolean:
    return string(value.integer ? "True" : "False");
  case Value::Integer:
    return string(llvm::itostr(value.integer));
  case Value::String:
    return value;
  default:
    complain(llvm::Twine("printing a ") + kindName(value) + " is not supported");
    return Value();
  }
}

bool TemplateRun::equal(const Value &left, const Value &right, unsigned depth) {
  charge(1);
  if (left.isNumber() && right.isNumber())
    return left.kind == Value::Float || right.kind == Value::Float ? left.asNumber() == right.asNumber()
                                                                   : left.integer == right.integer;
  if (left.kind != right.kind)
    return false;
  switch (left.kind) {
  case Value::String: {
    // Whether a message is empty is no secret; what it says is.
    const bool either = left.text.empty() || right.text.empty();
    if (!either) {
      lookAt(left, "==");
      lookAt(right, "==");
    }
    return left.text == right.text;
  }
  case Value::List:
  case Value::Dict:
    if (left.list != right.list || left.dict != right.dict)
      complain("comparing lists or dicts is not supported");
    return depth == 0 && !failed();
  default:
    return left.dict == right.dict;
  }
}

Value TemplateRun::compare(llvm::StringRef op, const Value &left, const Value &right) {
  if (op == "==")
    return boolean(equal(left, right));
  if (op == "!=")
    return boolean(!equal(left, right));
  if (op == "in" || op == "not in")
    return boolean(contains(right, left) == (op == "in"));
  int order = 0;
  if (left.isNumber() && right.isNumber()) {
    order = left.asNumber() < right.asNumber() ? -1 : left.asNumber() > right.asNumber();
  } else if (left.kind == Value::String && right.kind == Value::String) {
    lookAt(left, op);
    lookAt(right, op);
    order = left.text.compare(right.text);
  } else {
    complain("comparing a " + llvm::Twine(kindName(left)) + " with a " + kindName(right) + " ('" + op + "')");
  }
  return boolean(op[0] == '<' ? order < 0 || (op == "<=" && order == 0) : order > 0 || (op == ">=" && order == 0));
}

bool TemplateRun::contains(const Value &container, const Value &item) {
  switch (container.kind) {
  case Value::String:
    lookAt(container, "in");
    lookAt(item, "in");
    if (item.kind != Value::String)
      complain("'in' a string wants a string");
    return affordSearch(container.text, item.text) && container.text.contains(item.text);
  case Value::List:
    return llvm::any_of(*container.list, [&](const Value &entry) { return !failed() && equal(entry, item); });
  case Value::Dict:
    charge(container.dict->size());
    return llvm::any_of(*container.dict, [&](const auto &entry) { return entry.first == item.text; });
  default:
    complain(llvm::Twine("'in' a ") + kindName(container));
    return false;
  }
}

Value TemplateRun::arithmetic(llvm::StringRef op, const Value &left, const Value &right) {
  if (op == "~") {
    const Value a = print(left), b = print(right);
    return string((a.text + b.text).str(), a.isMessage || b.isMessage);
  }
  if (op == "+" && left.kind == Value::String && right.kind == Value::String)
    return string((left.text + right.text).str(), left.isMessage || right.isMessage);
  if (op == "+" && left.kind == Value::List && right.kind == Value::List) {
    if (!afford(kItem * (left.list->size() + right.list->size())))
      return Value();
    ValueList joined = *left.list;
    llvm::append_range(joined, *right.list);
    return list(std::move(joined));
  }
  if (left.isNumber() && right.isNumber() && left.kind != Value::Float && right.kind != Value::Float) {
    const int64_t a = left.integer, b = right.integer;
    std::optional<int64_t> result;
    if (op == "+")
      result = llvm::checkedAdd(a, b);
    else if (op == "-")
      result = llvm::checkedSub(a, b);
    else if (op == "*")
      result = llvm::checkedMul(a, b);
    else if ((op == "//" || op == "%") && b > 0) // rounds down, as in Python
      result = op == "%" ? (a % b + b) % b : (a - (a % b + b) % b) / b;
    if (result)
      return integer(*result);
  }
  complain("'" + op + "' of a " + kindName(left) + " and a " + kindName(right) + " is not supported");
  return Value();
}

Value TemplateRun::attribute(const Value &object, llvm::StringRef name) {
  if (object.kind == Value::Dict || object.kind == Value::Namespace) {
    charge(object.dict->size());
    for (const auto &[key, value] : *object.dict)
      if (key == name)
        return value;
    if (object.kind == Value::Namespace || !llvm::is_contained({"get", "items", "keys", "values"}, name))
      return Value();
  } else if (object.kind != Value::String) {
    if (object.kind == Value::Undefined)
      complain("'" + name + "' of something undefined");
    return Value();
  }
  Value bound = function(keep(("." + name).str()));
  bound.list = list({object}).list;
  return bound;
}

Value TemplateRun::index(const Value &object, const Value &key) {
  if (key.kind == Value::String && (object.kind == Value::Dict || object.kind == Value::Undefined)) {
    Value found = attribute(object, key.text);
    return found.kind == Value::Function ? Value() : found;
  }
  if (object.kind != Value::List || key.kind != Value::Integer) {
    lookAt(object, "[]");
    if (object.kind == Value::Undefined || object.kind == Value::String)
      complain(llvm::Twine("a subscript of a ") + kindName(object) + " is not supported");
    return Value();
  }
  const int64_t size = static_cast<int64_t>(object.list->size());
  const int64_t at = key.integer < 0 ? key.integer + size : key.integer;
  return at >= 0 && at < size ? (*object.list)[static_cast<size_t>(at)] : Value();
}

Value TemplateRun::slice(const Value &object, llvm::ArrayRef<Value> bounds) {
  if (object.kind != Value::List) {
    lookAt(object, "[:]");
    complain(llvm::Twine("a slice of a ") + kindName(object) + " is not supported");
    return Value();
  }
  const int64_t size = static_cast<int64_t>(object.list->size());
  auto bound = [&](const Value &value, int64_t fallback) {
    if (value.kind == Value::None || value.kind == Value::Undefined)
      return fallback;
    if (value.kind != Value::Integer)
      complain("a slice wants whole numbers");
    return std::clamp<int64_t>(value.integer < 0 ? std::max(value.integer, -size) + size : value.integer, 0, size);
  };
  const int64_t step = bounds[2].kind == Value::Integer ? bounds[2].integer : 1;
  if (!afford(kItem * object.list->size()))
    return Value();
  ValueList result(object.list->begin(), object.list->end());
  if (step == -1 && bounds[0].kind == Value::None && bounds[1].kind == Value::None) {
    std::reverse(result.begin(), result.end());
    return list(std::move(result));
  }
  if (step != 1)
    complain("a slice with this step is not supported");
  const int64_t begin = bound(bounds[0], 0), end = std::max(begin, bound(bounds[1], size));
  return list(ValueList(result.begin() + begin, result.begin() + end));
}

ValueList TemplateRun::items(const Value &value) {
  switch (value.kind) {
  case Value::List:
    return afford(kItem * value.list->size()) ? *value.list : ValueList();
  case Value::Dict: {
    ValueList keys;
    for (const auto &entry : *value.dict)
      if (afford(kItem))
        keys.push_back(literal(entry.first));
    return keys;
  }
  case Value::Undefined:
    return {};
  default:
    lookAt(value, "for");
    complain(llvm::Twine("a loop over a ") + kindName(value) + " is not supported");
    return {};
  }
}

} // namespace phic::tokenizer
