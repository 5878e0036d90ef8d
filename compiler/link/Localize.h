//===- Localize.h - An object with one symbol ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_LINK_LOCALIZE_H
#define PHIC_COMPILER_LINK_LOCALIZE_H

#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include <string>

namespace phic {

/// The relocatable `object` with `phi_query` renamed to phi_query_<name> and every other symbol that it defines made
/// local, so that two models link into one program. What it does not define stays as it is.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> localizeSymbols(const llvm::MemoryBuffer &object,
                                                                    const std::string &name);

} // namespace phic

#endif // PHIC_COMPILER_LINK_LOCALIZE_H
