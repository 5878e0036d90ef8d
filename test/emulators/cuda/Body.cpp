//===- Body.cpp - Statements of a kernel ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Body.h"
#include "Decoder.h"
#include <algorithm>

namespace ptx {
namespace {

/// Bytes between variables of the shared and local spaces that belong to nobody: what leaves one is found.
constexpr uint64_t gap = 16;

uint64_t alignedTo(uint64_t at, uint64_t align) { return (at + align - 1) / align * align; }

class BodyParser {
public:
  BodyParser(Words &words, Module &module, Kernel &kernel) : words(words), module(module), kernel(kernel) {
    for (auto &[name, variable] : module.variables)
      if (variable->space == Space::shared && !variable->isExternal)
        placeShared(*variable);
  }

  void parse() {
    scopes.emplace_back();
    while (!scopes.empty())
      statement();
    for (const Fixup &fixup : fixups)
      resolve(fixup);
    for (auto &[name, lines] : tableNames)
      for (const std::string &label : lines.second)
        kernel.tables[lines.first].push_back(target(label, words.line()));
    // A kernel that runs off its end returns.
    Decoder decoder(kernel, words.line());
    decoder.text = decoder.opcode = "ret";
    decode(decoder);
    push(decoder);
    if (!isFrozen)
      freeze(gap);
    if (kernel.registers > 60000)
      words.refuse("too many registers");
  }

private:
  struct Fixup {
    size_t instruction;
    std::string label;
    int line;
  };

  void statement() {
    const Word &word = words.peek();
    if (words.atEnd())
      words.refuse("the text ends inside of kernel '" + kernel.name + "'");
    if (words.accept("{"))
      scopes.emplace_back();
    else if (words.accept("}"))
      scopes.pop_back();
    else if (words.accept(";"))
      return;
    else if (words.accept(".reg"))
      registers();
    else if (word.text == ".shared" || word.text == ".local")
      variable();
    else if (words.accept(".pragma"))
      words.next(), words.need(";");
    else if (word.text == ".loc")
      skipLine();
    else if (words.peek(1).text == ":")
      label();
    else
      instruction();
  }

  void skipLine() {
    for (int line = words.line(); !words.atEnd() && words.line() == line;)
      words.next();
  }

  Slot newRegister(Type type) {
    unsigned bytes = bytesOf(type);
    if (bytes == 1)
      words.refuse("registers of 8 bits are not known");
    return place(kernel, bytes, kernel.registers++);
  }

  void registers() {
    Type type = words.type();
    do {
      std::string name = words.name();
      uint64_t count = 0;
      if (words.accept("<")) {
        count = words.number(1, 50000);
        words.need(">");
      }
      for (uint64_t i = 0; i < std::max<uint64_t>(count, 1); ++i) {
        std::string one = count ? name + std::to_string(i) : name;
        if (!scopes.back().emplace(one, newRegister(type)).second)
          words.refuse("register " + one + " is declared twice");
        if (kernel.registers > 60000)
          words.refuse("too many registers");
      }
    } while (words.accept(","));
    words.need(";");
  }

  void placeShared(Variable &variable) {
    variable.address = alignedTo(sharedEnd + gap, variable.align);
    sharedEnd = variable.address + variable.bytes;
    kernel.shared.push_back(variable);
  }

  /// Where the dynamic part begins is known from here on.
  void freeze(uint64_t align) {
    isFrozen = true;
    kernel.dynamicAt = alignedTo(sharedEnd + gap, std::max<uint64_t>(align, 16));
  }

  void variable() {
    Variable variable = parseVariable(words, /*isExternal=*/false);
    if (variable.space == Space::shared) {
      if (isFrozen)
        words.refuse("'" + variable.name + "' must be declared before dynamic shared memory is used");
      placeShared(variable);
      kernel.sharedBytes = alignedTo(kernel.sharedBytes, variable.align) + variable.bytes;
      used.push_back(variable.name);
    } else {
      variable.address = alignedTo(kernel.localBytes + gap, variable.align);
      kernel.localBytes = variable.address + variable.bytes;
      kernel.locals.push_back(variable);
    }
  }

  void label() {
    std::string name = words.name();
    words.need(":");
    if (words.accept(".branchtargets")) {
      auto &table = tableNames[name];
      table.first = kernel.tables.size();
      kernel.tables.emplace_back();
      do
        table.second.push_back(words.name());
      while (words.accept(","));
      words.need(";");
    } else if (!labels.emplace(name, kernel.code.size()).second) {
      words.refuse("label " + name + " is declared twice");
    }
  }

  uint32_t target(const std::string &label, int line) const {
    auto found = labels.find(label);
    if (found == labels.end())
      throw Refusal(line, "no label " + label);
    return found->second;
  }

  void resolve(const Fixup &fixup) {
    Instruction &instruction = kernel.code[fixup.instruction];
    if (auto table = tableNames.find(fixup.label); table != tableNames.end())
      instruction.value = table->second.first;
    else
      instruction.value = target(fixup.label, fixup.line);
  }

  Slot lookUp(const std::string &name, bool &isThere) const {
    for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope)
      if (auto found = scope->find(name); found != scope->end()) {
        isThere = true;
        return found->second;
      }
    isThere = false;
    return Slot();
  }

  /// The address of a variable in its own space.
  Operand address(const std::string &name, const Decoder &decoder) {
    Operand operand;
    operand.kind = Operand::Kind::integer;
    for (const Parameter &parameter : kernel.parameters)
      if (parameter.name == name)
        return operand.bits = parameter.offset, operand;
    for (const Variable &variable : kernel.locals)
      if (variable.name == name)
        return operand.bits = variable.address, operand;
    for (const Variable &variable : kernel.shared)
      if (variable.name == name) {
        if (std::find(used.begin(), used.end(), name) == used.end()) {
          used.push_back(name);
          kernel.sharedBytes = alignedTo(kernel.sharedBytes, variable.align) + variable.bytes;
        }
        return operand.bits = variable.address, operand;
      }
    auto found = module.variables.find(name);
    if (found == module.variables.end())
      decoder.refuse("no variable or register '" + name + "'");
    if (found->second->space == Space::shared && !isFrozen)
      freeze(found->second->align);
    operand.bits = found->second->space == Space::shared ? kernel.dynamicAt : found->second->address;
    return operand;
  }

  void instruction() {
    Decoder decoder(kernel, words.line());
    if (words.accept("@")) {
      decoder.out.unless = words.accept("!");
      bool isThere;
      std::string name = words.name();
      decoder.out.guard = lookUp(name, isThere);
      if (!isThere || decoder.out.guard.bytes)
        words.refuse(name + " is no predicate");
      decoder.out.guarded = true;
    }
    decoder.line = decoder.out.line = words.line();
    decoder.text = words.name();
    for (size_t begin = 0, end; begin <= decoder.text.size(); begin = end + 1) {
      end = std::min(decoder.text.find('.', begin), decoder.text.size());
      std::string part = decoder.text.substr(begin, end - begin);
      if (begin == 0) {
        decoder.opcode = part;
      } else {
        decoder.words.push_back(part);
        if (Type type = typeNamed(part); type != Type::none)
          decoder.type = type;
      }
    }
    try {
      operands(decoder);
    } catch (const Refusal &refusal) {
      bool isNamed = std::string(refusal.what()).compare(0, decoder.text.size(), decoder.text) == 0;
      throw Refusal(refusal.line, isNamed ? refusal.what() : decoder.text + ": " + refusal.what());
    }
    decoder.symbol = [&](const std::string &name) { return address(name, decoder); };
    decoder.branchTo = [&](const std::string &label) { fixups.push_back({kernel.code.size(), label, decoder.line}); };
    decode(decoder);
    push(decoder);
  }

  void operands(Decoder &decoder) {
    if (words.accept(";"))
      return;
    do
      decoder.operands.push_back(operand(decoder));
    while (words.accept(","));
    words.need(";");
  }

  void push(const Decoder &decoder) {
    kernel.code.push_back(decoder.out);
    kernel.texts.push_back(decoder.text);
  }

  Operand operand(const Decoder &decoder) {
    Operand result = single(decoder);
    if (words.accept("|")) {
      Operand pair;
      pair.kind = Operand::Kind::list;
      pair.isPair = true;
      pair.parts = {result, single(decoder)};
      return pair;
    }
    return result;
  }

  Operand single(const Decoder &decoder) {
    Operand result;
    if (words.accept("{")) {
      result.kind = Operand::Kind::list;
      do
        result.parts.push_back(single(decoder));
      while (words.accept(","));
      words.need("}");
      return result;
    }
    if (words.accept("[")) {
      result = single(decoder);
      result.isAddress = true;
      if (bool isMinus = words.accept("-"); isMinus || words.accept("+")) {
        isMinus ^= words.accept("-");
        result.offset = words.number(0, 1ull << 40);
        result.offset = isMinus ? -result.offset : result.offset;
      }
      words.need("]");
      return result;
    }
    return atom(decoder);
  }

  Operand atom(const Decoder &decoder) {
    Operand result;
    result.isNegated = words.accept("!");
    bool isMinus = words.accept("-");
    Word word = words.next();
    if (word.kind == Word::Kind::integer) {
      result.kind = Operand::Kind::integer;
      result.bits = isMinus ? 0 - word.bits : word.bits;
    } else if (word.kind == Word::Kind::real) {
      result.kind = Operand::Kind::real;
      result.bytes = word.bytes;
      result.bits = isMinus ? word.bits ^ (1ull << (8 * word.bytes - 1)) : word.bits;
    } else if (word.kind != Word::Kind::name || isMinus) {
      decoder.refuse("'" + (word.kind == Word::Kind::end ? "the end" : word.text) + "' is no operand");
    } else if (word.text == "_") {
      result.kind = Operand::Kind::sink;
    } else {
      bool isThere;
      result.name = word.text;
      result.reg = lookUp(word.text, isThere);
      result.kind = isThere ? Operand::Kind::reg : word.text[0] == '%' ? Operand::Kind::special : Operand::Kind::name;
    }
    return result;
  }

  Words &words;
  Module &module;
  Kernel &kernel;
  std::vector<std::map<std::string, Slot>> scopes;
  std::map<std::string, size_t> labels;
  std::map<std::string, std::pair<size_t, std::vector<std::string>>> tableNames;
  std::vector<Fixup> fixups;
  std::vector<std::string> used;
  uint64_t sharedEnd = 0;
  bool isFrozen = false;
};

} // namespace

void parseBody(Words &words, Module &module, Kernel &kernel) { BodyParser(words, module, kernel).parse(); }

} // namespace ptx
