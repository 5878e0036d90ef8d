//===- CompileFlags.h - Flags that several verbs share ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a user says about a compilation, in groups: a verb that compiles takes
// those that mean something to it. Each function fills its part of Options.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_TOOLS_COMPILEFLAGS_H
#define PHIC_COMPILER_TOOLS_COMPILEFLAGS_H

#include "compiler/Options.h"

namespace CLI {
class App;
}

namespace phic {

/// What is compiled: MODEL, and how long its sequences may be.
void addModelFlags(CLI::App &verb, CompileSettings &settings);
/// The machine it is compiled for.
void addTargetFlags(CLI::App &verb, Options &options);
/// Formats of weights, activations and the KV cache.
void addPrecisionFlags(CLI::App &verb, CompileSettings &settings);
/// Plugins and their options alone, for verbs that read programs.
void addPluginFileFlags(CLI::App &verb, PluginFlags &flags);
/// Passes that are not phic's: plugins, their options, and where passes run.
void addPluginFlags(CLI::App &verb, PluginFlags &flags);
/// The compile cache.
void addCacheFlags(CLI::App &verb, CompileSettings &settings);
/// Options::spelledFlags: new flags are in it unless they are known not to matter to the output.
std::string spelledFlags(const CLI::App &verb);
/// What is written, and where.
void addOutputFlags(CLI::App &verb, Options &options);

} // namespace phic

#endif // PHIC_COMPILER_TOOLS_COMPILEFLAGS_H
