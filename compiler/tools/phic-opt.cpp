//===- phic-opt.cpp - One pass on one file ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What lit drives: reads IR, runs the passes named on the command line, prints IR.
// Plugins are loaded as phic loads them: MLIR's own --load-pass-plugin goes on when
// one cannot be.
//===----------------------------------------------------------------------===//
#include "compiler/Dialects.h"
#include "compiler/Pipeline.h"
#include "compiler/Plugin.h"
#include "compiler/cache/CompilerFiles.h"
#include "compiler/files/Console.h"
#include "compiler/files/OutputFiles.h"
#include "compiler/tools/ToolMain.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

namespace {

/// Takes `--name VALUE`, `--name=VALUE` and the same with one dash out of the command line.
std::vector<std::string> takeFlag(llvm::StringRef name, std::vector<char *> &arguments) {
  std::vector<std::string> values;
  for (auto it = arguments.begin(); it != arguments.end();) {
    llvm::StringRef text(*it);
    bool isFlag = text.consume_front("-") && (text.consume_front("-"), text.consume_front(name));
    bool isWithValue = isFlag && text.consume_front("=");
    if (!isFlag || (!isWithValue && (!text.empty() || it + 1 == arguments.end()))) {
      ++it;
      continue;
    }
    values.push_back(isWithValue ? text.str() : *(it + 1));
    it = arguments.erase(it, it + (isWithValue ? 1 : 2));
  }
  return values;
}

int runPasses(int argc, char **argv) {
  std::vector<char *> arguments(argv, argv + argc);
  phic::PluginFlags flags;
  flags.files = takeFlag("load-pass-plugin", arguments);
  flags.options = takeFlag("plugin-option", arguments);
  phic::PluginRegistry plugins;
  std::vector<std::string> errors = loadPlugins(flags, plugins);
  for (const std::string &error : errors)
    phic::messages() << "phic-opt: error: " << error << "\n";
  if (!errors.empty())
    return phic::kExitUsage;

  mlir::DialectRegistry registry;
  phic::registerDialects(registry);
  plugins.addTo(registry);
  auto [input, output] = mlir::registerAndParseCLIOptions(int(arguments.size()), arguments.data(),
                                                          "phic-opt: runs phic's passes on IR\n", registry);
  phic::InputFiles inputs;
  if (input != "-")
    inputs.look(input);
  phic::OutputFiles planned(inputs, phic::filesOfPhic());
  if (output != "-")
    if (llvm::Error clash = planned.plan(output)) {
      phic::messages() << "phic-opt: error: " << llvm::toString(std::move(clash)) << "\n";
      return phic::kExitUsage;
    }
  return mlir::asMainReturnCode(mlir::MlirOptMain(int(arguments.size()), arguments.data(), input, output, registry));
}

} // namespace

int main(int argc, char **argv) { return phic::runTool("phic-opt", argc, argv, runPasses); }
