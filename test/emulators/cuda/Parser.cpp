//===- Parser.cpp - PTX text becomes a module ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Body.h"
#include <algorithm>

namespace ptx {
namespace {

/// What stands outside of kernels.
class ModuleParser {
public:
  ModuleParser(const std::string &text, uint64_t (*place)(void *, Variable &), void *context)
      : words(cut(text)), place(place), context(context) {}

  std::unique_ptr<Module> parse() {
    header();
    while (!words.atEnd())
      declaration();
    return std::move(module);
  }

private:
  void header() {
    words.need(".version");
    Word version = words.next();
    size_t dot = version.text.find('.');
    if (version.kind != Word::Kind::real || dot == std::string::npos || version.text.size() != dot + 2)
      words.refuse("'" + version.text + "' is not a version of PTX");
    module->version = 10 * std::atoi(version.text.c_str()) + (version.text[dot + 1] - '0');
    words.need(".target");
    std::string target = words.name();
    if (target.compare(0, 3, "sm_") != 0 || target.size() < 5)
      words.refuse("unknown target '" + target + "'");
    module->target = std::atoi(target.c_str() + 3);
    module->isExact = target.back() == 'a' || target.back() == 'f';
    while (words.accept(","))
      if (std::string option = words.name(); option != "debug")
        words.refuse("unknown option of .target '" + option + "'");
    words.need(".address_size");
    if (words.next().text != "64")
      words.refuse("only addresses of 64 bits");
  }

  void declaration() {
    if (words.accept(".file")) {
      while (words.peek().kind == Word::Kind::integer || words.peek().kind == Word::Kind::text ||
             words.peek().text == ",")
        words.next();
    } else if (words.accept(".section")) {
      words.name();
      words.need("{");
      words.skipBlock();
    } else {
      bool isExternal = false;
      for (;; words.next()) {
        std::string word = words.peek().text;
        if (word == ".extern")
          isExternal = true;
        else if (word != ".visible" && word != ".weak")
          break;
      }
      if (words.accept(".entry"))
        return entry();
      Variable variable = parseVariable(words, isExternal);
      if (variable.space == Space::local || variable.space == Space::param)
        words.refuse("'" + variable.name + "' can only be in a kernel");
      add(std::move(variable));
    }
  }

  void add(Variable variable) {
    std::string name = variable.name;
    if (module->variables.count(name))
      words.refuse("'" + name + "' is declared twice");
    auto owned = std::make_unique<Variable>(std::move(variable));
    if (owned->space != Space::shared)
      owned->address = place(context, *owned);
    module->variables[name] = std::move(owned);
  }

  void entry() {
    auto kernel = std::make_unique<Kernel>();
    kernel->name = words.name();
    if (module->kernels.count(kernel->name))
      words.refuse("'" + kernel->name + "' is declared twice");
    if (words.accept("("))
      parameters(*kernel);
    directives(*kernel);
    words.need("{");
    parseBody(words, *module, *kernel);
    module->kernels[kernel->name] = std::move(kernel);
  }

  void parameters(Kernel &kernel) {
    for (bool isFirst = true; !words.accept(")"); isFirst = false) {
      if (!isFirst)
        words.need(",");
      words.need(".param");
      Parameter parameter;
      parameter.align = 0;
      uint32_t declared = words.accept(".align") ? words.number(1, 128) : 0;
      Type type = words.type();
      // .ptr .global .align 16 says what the pointer points to.
      if (words.accept(".ptr")) {
        for (const char *space : {".global", ".shared", ".const", ".local"})
          words.accept(space);
        if (words.accept(".align"))
          words.number(1, 1 << 20);
      }
      parameter.name = words.name();
      parameter.bytes = bytesOf(type);
      parameter.align = std::max(declared, bytesOf(type));
      if (words.accept("[")) {
        parameter.bytes *= words.number(1, 4096);
        words.need("]");
      }
      parameter.offset = (kernel.parameterBytes + parameter.align - 1) / parameter.align * parameter.align;
      kernel.parameterBytes = parameter.offset + parameter.bytes;
      if (!parameter.bytes || kernel.parameterBytes > 4352)
        words.refuse("parameters of " + kernel.name + " that are too large");
      kernel.parameters.push_back(parameter);
    }
  }

  /// One to three numbers, whose product counts.
  uint32_t product(uint32_t (&sizes)[3]) {
    sizes[0] = words.number(1, 1024), sizes[1] = sizes[2] = 1;
    for (int i = 1; i < 3 && words.accept(","); ++i)
      sizes[i] = words.number(1, 1024);
    return sizes[0] * sizes[1] * sizes[2];
  }

  void directives(Kernel &kernel) {
    uint32_t sizes[3];
    for (;;) {
      if (words.accept(".maxntid"))
        kernel.maxThreads = product(sizes);
      else if (words.accept(".reqntid"))
        kernel.maxThreads = product(kernel.required);
      else if (words.accept(".minnctapersm"))
        kernel.minCtas = words.number(1, 64);
      else if (words.accept(".maxnreg"))
        words.number(1, 255);
      else
        return;
    }
  }

  Words words;
  uint64_t (*place)(void *, Variable &);
  void *context;
  std::unique_ptr<Module> module = std::make_unique<Module>();
};

} // namespace

std::unique_ptr<Module> parseModule(const std::string &text, uint64_t (*place)(void *, Variable &), void *context) {
  return ModuleParser(text, place, context).parse();
}

} // namespace ptx
