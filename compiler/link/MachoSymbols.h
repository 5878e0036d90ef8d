//===- MachoSymbols.h - Objects whose names are one model's ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// LLD does not link Mach-O objects into one, so that a static library for macOS is several, which know each other by
// name. For two models to link into one program, the names are made those of one model:
//
//     _phi_query -> _phi_query_NAME       _phi_the_model -> _phi_NAME_phi_the_model, private to the final link
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_LINK_MACHOSYMBOLS_H
#define PHIC_COMPILER_LINK_MACHOSYMBOLS_H

#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace phic {

struct MachoMember {
  std::string name;
  std::string bytes;
};

/// Those of `objects` that `symbol` needs, one after the other, it or what it needs; in their order.
std::vector<MachoMember> neededMembers(std::vector<MachoMember> objects, llvm::StringRef symbol);

/// Renames all symbols that one of the objects defines, in all of them; what none defines is the system's. `extra` is one
/// that is defined elsewhere. Only the query function stays visible outside of the final link.
void renameSymbols(std::vector<MachoMember> &objects, const std::string &name, const std::string &extra);

/// What a symbol of a model is called, with the underscore that C's names get.
std::string machoSymbolOf(llvm::StringRef symbol, const std::string &name);

} // namespace phic

#endif // PHIC_COMPILER_LINK_MACHOSYMBOLS_H
