//===- MachoSymbols.cpp - Objects whose names are one model's --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The objects are those of LLVM: symbols and names are the end of the file, in this order.
//===----------------------------------------------------------------------===//
#include "compiler/link/MachoSymbols.h"
#include "llvm/BinaryFormat/MachO.h"
#include "llvm/Support/MathExtras.h"
#include <map>
#include <set>

namespace phic {
namespace {

namespace MachO = llvm::MachO;

constexpr char kQuery[] = "_phi_query";

/// The symbol table of an object, to read or to change.
class SymbolTable {
public:
  explicit SymbolTable(std::string &bytes) : bytes(bytes) {
    auto &header = *reinterpret_cast<MachO::mach_header_64 *>(bytes.data());
    uint64_t at = sizeof(header);
    for (uint32_t i = 0; i < header.ncmds; ++i) {
      auto *command = reinterpret_cast<MachO::load_command *>(bytes.data() + at);
      if (command->cmd == MachO::LC_SYMTAB)
        commandAt = at;
      at += command->cmdsize;
    }
    assert(commandAt && "LLVM's objects have a symbol table");
  }
  MachO::symtab_command &command() { return *reinterpret_cast<MachO::symtab_command *>(bytes.data() + commandAt); }
  llvm::MutableArrayRef<MachO::nlist_64> symbols() {
    return {reinterpret_cast<MachO::nlist_64 *>(bytes.data() + command().symoff), command().nsyms};
  }
  std::string name(const MachO::nlist_64 &symbol) { return bytes.data() + command().stroff + symbol.n_strx; }
  static bool isDefined(const MachO::nlist_64 &symbol) { return (symbol.n_type & MachO::N_TYPE) != MachO::N_UNDF; }
  static bool isExternal(const MachO::nlist_64 &symbol) { return symbol.n_type & MachO::N_EXT; }

  std::set<std::string> externals(bool defined) {
    std::set<std::string> names;
    for (const MachO::nlist_64 &symbol : symbols())
      if (isExternal(symbol) && isDefined(symbol) == defined)
        names.insert(name(symbol));
    return names;
  }

  /// New names, in the place of the old ones.
  void replaceNames(llvm::function_ref<std::string(const std::string &)> renamed) {
    assert(command().stroff + command().strsize == bytes.size() && "names are last");
    std::string names(1, '\0');
    for (MachO::nlist_64 &symbol : symbols()) {
      std::string own = name(symbol), wanted = isExternal(symbol) ? renamed(own) : own;
      symbol.n_strx = uint32_t(names.size());
      names += wanted + '\0';
      if (isExternal(symbol) && isDefined(symbol) && own != kQuery)
        symbol.n_type |= MachO::N_PEXT;
    }
    names.resize(llvm::alignTo(names.size(), 8), '\0');
    bytes.resize(command().stroff);
    command().strsize = uint32_t(names.size());
    bytes += names;
  }

private:
  std::string &bytes;
  uint64_t commandAt = 0;
};

} // namespace

std::string machoSymbolOf(llvm::StringRef symbol, const std::string &name) {
  return symbol == kQuery ? kQuery + ("_" + name) : ("_phi_" + name + symbol).str();
}

std::vector<MachoMember> neededMembers(std::vector<MachoMember> objects, llvm::StringRef symbol) {
  std::map<std::string, size_t> definedBy;
  for (size_t i = 0; i < objects.size(); ++i)
    for (const std::string &name : SymbolTable(objects[i].bytes).externals(/*defined=*/true))
      definedBy.emplace(name, i); // inline functions are in several
  assert(definedBy.count(symbol.str()) && "the runtime has it");
  std::set<size_t> needed;
  std::vector<size_t> pending = {definedBy[symbol.str()]};
  while (!pending.empty()) {
    size_t member = pending.back();
    pending.pop_back();
    if (!needed.insert(member).second)
      continue;
    for (const std::string &name : SymbolTable(objects[member].bytes).externals(/*defined=*/false))
      if (auto found = definedBy.find(name); found != definedBy.end())
        pending.push_back(found->second);
  }
  std::vector<MachoMember> members;
  for (size_t i : needed)
    members.push_back(std::move(objects[i]));
  return members;
}

void renameSymbols(std::vector<MachoMember> &objects, const std::string &name, const std::string &extra) {
  std::set<std::string> ours = {extra};
  for (MachoMember &object : objects)
    ours.merge(SymbolTable(object.bytes).externals(/*defined=*/true));
  for (MachoMember &object : objects)
    SymbolTable(object.bytes).replaceNames([&](const std::string &symbol) {
      return ours.count(symbol) ? machoSymbolOf(symbol, name) : symbol;
    });
}

} // namespace phic
