//===- JinjaValue.h - What Jinja expressions give --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values of one run of a template. Strings, lists and dicts belong to the run,
// so values are small and copy freely, and a namespace that holds itself leaks nothing.
// Whatever is made is paid for out of one budget, in time and in memory.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOKENIZER_JINJAVALUE_H
#define PHIC_COMPILER_TOKENIZER_JINJAVALUE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Allocator.h"
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace phic::tokenizer {

struct Value;
using ValueList = std::vector<Value>;
using ValueDict = std::vector<std::pair<llvm::StringRef, Value>>;

struct Value {
  enum Kind { Undefined, None, Boolean, Integer, Float, String, List, Dict, Namespace, Function };
  Kind kind = Undefined;
  bool isMessage = false; ///< of a String: it holds what somebody said, which may be anything
  int64_t integer = 0;    ///< of Integer, Boolean
  double number = 0;
  llvm::StringRef text; ///< of String; of Function: its name, or ".method" with the object in *list
  ValueList *list = nullptr;
  ValueDict *dict = nullptr;

  bool isNumber() const { return kind == Boolean || kind == Integer || kind == Float; }
  double asNumber() const { return kind == Float ? number : static_cast<double>(integer); }
};

/// The state of one run: what it owns, what is left of its budget, what went wrong.
class TemplateRun {
public:
  static Value none() { return of(Value::None); }
  static Value boolean(bool value) {
    Value made = of(Value::Boolean);
    made.integer = value;
    return made;
  }
  static Value integer(int64_t value) {
    Value made = of(Value::Integer);
    made.integer = value;
    return made;
  }
  static Value number(double value) {
    Value made = of(Value::Float);
    made.number = value;
    return made;
  }
  static Value function(llvm::StringRef name) {
    Value made = of(Value::Function);
    made.text = name;
    return made;
  }
  /// Of a text that outlives the run, as the template's own do.
  static Value literal(llvm::StringRef text) {
    Value made = of(Value::String);
    made.text = text;
    return made;
  }
  Value string(llvm::StringRef text, bool isMessage = false) {
    Value made = literal(keep(text));
    made.isMessage = isMessage;
    return made;
  }
  /// A copy that lives as long as the run.
  llvm::StringRef keep(llvm::StringRef text) { return afford(text.size()) ? text.copy(texts) : ""; }
  Value list(ValueList items = {}) {
    if (!afford(kItem * items.size()))
      items.clear();
    Value made = of(Value::List);
    made.list = &lists.emplace_back(std::move(items));
    return made;
  }
  Value dict(ValueDict entries = {}, Value::Kind kind = Value::Dict) {
    if (!afford(kItem * entries.size()))
      entries.clear();
    Value made = of(kind);
    made.dict = &dicts.emplace_back(std::move(entries));
    return made;
  }

  /// Keeps the first problem; everything ends soon after one.
  void complain(const llvm::Twine &what) {
    if (problem.empty())
      problem = what.str();
  }
  bool failed() const { return !problem.empty(); }

  /// Spends work. A template that needs more than this is no chat template.
  void charge(uint64_t units) {
    spent += units;
    if (spent > Budget)
      complain("it does not end within its budget of work");
  }
  /// The same; whether to go on.
  bool afford(uint64_t units) {
    charge(units);
    return !failed();
  }
  /// What a list's item or a dict's entry costs.
  static constexpr uint64_t kItem = 8;

  /// Complains when the operation would look inside a message.
  void lookAt(const Value &value, const llvm::Twine &operation) {
    if (value.kind == Value::String && value.isMessage)
      complain("it looks inside message text (" + operation + ")");
  }

  static bool truth(const Value &value);
  static const char *kindName(const Value &value);
  /// As Jinja prints it.
  Value print(const Value &value);
  Value compare(llvm::StringRef op, const Value &left, const Value &right);
  bool equal(const Value &left, const Value &right, unsigned depth = 0);
  bool contains(const Value &container, const Value &item);
  Value arithmetic(llvm::StringRef op, const Value &left, const Value &right);
  Value attribute(const Value &object, llvm::StringRef name);
  Value index(const Value &object, const Value &key);
  Value slice(const Value &object, llvm::ArrayRef<Value> bounds);
  /// What a loop runs over.
  ValueList items(const Value &value);

  using Named = ValueDict;
  Value call(const Value &callee, llvm::ArrayRef<Value> arguments, const Named &named);
  Value filter(llvm::StringRef name, const Value &value, llvm::ArrayRef<Value> arguments, const Named &named);
  bool test(llvm::StringRef name, const Value &value, llvm::ArrayRef<Value> arguments);

  std::string problem;

private:
  static Value of(Value::Kind kind) {
    Value made;
    made.kind = kind;
    return made;
  }
  Value method(llvm::StringRef name, const Value &object, llvm::ArrayRef<Value> arguments, const Named &named);
  /// Pays for looking for a text in another, which may begin to match everywhere.
  bool affordSearch(llvm::StringRef text, llvm::StringRef what) { return afford(text.size() * (1 + what.size() / 8)); }
  Value replace(llvm::StringRef text, llvm::StringRef what, const Value &by);
  Value join(const ValueList &entries, llvm::StringRef separator);
  Value select(bool isKept, const Value &value, llvm::ArrayRef<Value> arguments);

  static constexpr uint64_t Budget = 4 << 20;
  uint64_t spent = 0;
  llvm::BumpPtrAllocator texts;
  std::deque<ValueList> lists;
  std::deque<ValueDict> dicts;
};

} // namespace phic::tokenizer

#endif // PHIC_COMPILER_TOKENIZER_JINJAVALUE_H
