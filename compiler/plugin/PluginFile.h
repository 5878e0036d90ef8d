//===- PluginFile.h - A plugin's file, before it is run --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loading a shared library runs its code, and one that was built with another LLVM
// brings that LLVM into the process. What can be told from the file is told first.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_PLUGIN_PLUGINFILE_H
#define PHIC_COMPILER_PLUGIN_PLUGINFILE_H

#include "llvm/ADT/StringRef.h"
#include <string>

namespace phic {

/// Why the file cannot be a plugin for this phic, or an empty string: it is a shared library for this machine, needs
/// this LLVM if any, and defines MLIR's entry symbol.
std::string checkPluginFile(llvm::StringRef path);

} // namespace phic

#endif // PHIC_COMPILER_PLUGIN_PLUGINFILE_H
