//===- Plugin.h - What a plugin adds to phic -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The door for passes, hooks, formats, importers and kernels that are not part of phic:
//
//     void registerMine(phic::PluginRegistry &registry) {
//       registry.addPass<MyPass>();
//       registry.runAfter(phic::Phase::Quantize, "acme-my-pass");
//     }
//     PHIC_PLUGIN("acme", "1.0", registerMine)
//
// built as a shared library, loaded with --load-pass-plugin. A program that links
// libphic calls PluginRegistry::add itself and hands the registry to compile().
// docs/extending.md says which headers a plugin may include and what stays stable.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_PLUGIN_H
#define PHIC_COMPILER_PLUGIN_H

#include "compiler/Options.h"
#include "compiler/Version.h"
#include "compiler/import/ModelPath.h"
#include "dialects/phiq/BlockStorage.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm/Config/llvm-config.h"
#include <functional>
#include <map>
#include <memory>

/// Changes with the layout of phic::PluginInfo.
#define PHIC_PLUGIN_API_VERSION 1

namespace phic {

struct StageKernelRow;
struct RegionRow;

class PluginRegistry;
using RegisterPlugin = void (*)(PluginRegistry &registry);

/// What the symbol phicGetPluginInfo returns. `llvm` and `phic` are the versions whose headers the plugin was compiled
/// with: C++ classes cross this border, so they must be those that it is loaded into.
struct PluginInfo {
  uint32_t apiVersion;
  const char *name, *version;
  const char *llvm, *phic;
  RegisterPlugin registerWith;
};

/// Where passes of a plugin run: just before or just after the passes of a phase.
struct Hook {
  Phase phase;
  bool isBefore;
  std::string pipeline;             ///< as phic-opt's --pass-pipeline, inside builtin.module(...)
  mlir::PassAllocatorFunction make; ///< instead of a pipeline: one pass
  std::string origin;               ///< "plugin 'acme'", "--run-after"
};

/// Names and values of --plugin-option=PLUGIN:NAME=VALUE; a name can come more than once.
using PluginOptions = std::multimap<std::string, std::string>;

class PluginRegistry {
public:
  /// Calls a plugin's function. What is wrong with what it registers is in errors().
  void add(llvm::StringRef name, llvm::StringRef version, RegisterPlugin registerWith, PluginOptions options = {});

  // For a plugin's function.
  /// Makes a pass known by its flag: to hooks, --run-before, --run-after, phic-opt and reproducers.
  template <typename PassT> void addPass() {
    addPass([] { return std::make_unique<PassT>(); });
  }
  void addPass(mlir::PassAllocatorFunction make);
  /// A pass with that flag, which applies the patterns to the module until none matches.
  using AddPatterns = std::function<void(mlir::RewritePatternSet &)>;
  void addPatterns(llvm::StringRef flag, llvm::StringRef summary, AddPatterns patterns);
  /// Runs a pipeline, or one pass, before or after each run of a phase. There is no IR before `import` or after `link`.
  void runBefore(Phase phase, llvm::StringRef pipeline) { addHook({phase, true, pipeline.str(), {}, origin()}); }
  void runAfter(Phase phase, llvm::StringRef pipeline) { addHook({phase, false, pipeline.str(), {}, origin()}); }
  void runBefore(Phase phase, mlir::PassAllocatorFunction make) {
    addHook({phase, true, {}, std::move(make), origin()});
  }
  void runAfter(Phase phase, mlir::PassAllocatorFunction make) {
    addHook({phase, false, {}, std::move(make), origin()});
  }
  /// The values of --plugin-option=<this plugin>:<name>=VALUE, in order; the last one, or `fallback`.
  std::vector<std::string> options(llvm::StringRef name);
  std::string option(llvm::StringRef name, llvm::StringRef fallback = "");
  /// Dialects that the plugin's passes create ops of.
  template <typename... Dialects> void addDialects() {
    dialectAdders.push_back([](mlir::DialectRegistry &registry) { registry.insert<Dialects...>(); });
  }
  /// A storage layout, and with it a type of GGUF tensors.
  void addFormat(BlockStorage row);
  /// A kind of model; include compiler/import/Importer.h to write it. Those of plugins are asked before phic's own.
  void addImporter(std::shared_ptr<const Importer> importer);
  /// Kernels for stages, and code for the row regions inside stages. Rows are asked in the order they were added, before
  /// phic's own. What a row is, a family's backend says; those of the CPU, which a list in braces stands for, are in
  /// targets/cpu/kernels/AddedKernels.h and targets/cpu/regions/RegionBuilder.h: include them to write rows.
  template <typename Row = StageKernelRow> void addKernel(Row row) { addRow(std::move(row)); }
  template <typename Row = RegionRow> void addRegion(Row row) { addRow(std::move(row)); }

  // For phic.
  /// A plugin that has only MLIR's entry point: its passes are known to MLIR, and to nobody here.
  void addNamed(llvm::StringRef name, llvm::StringRef version) { names.push_back((name + " " + version).str()); }
  void addHook(Hook hook);
  const std::vector<Hook> &hooks() const { return hookList; }
  /// "acme 1.0", in the order they were added.
  const std::vector<std::string> &plugins() const { return names; }
  const std::vector<std::string> &errors() const { return errorList; }
  /// Whether a compilation differs by what is here; passes that nothing runs make no difference.
  bool isIdle() const { return hookList.empty() && formats.empty() && importerList.empty() && rows.empty(); }
  AddedImporters importers() const { return importerList; }
  /// Gives the context what plugins add to it.
  void addTo(mlir::MLIRContext &context) const;
  void addTo(mlir::DialectRegistry &registry) const;

private:
  /// Gives a context's plan dialect a row.
  using AddRow = std::function<void(mlir::Dialect &plan)>;
  template <typename Row> void addRow(Row row) {
    std::string wrong = whatIsWrong(row);
    addRow(wrong, [row = std::move(row)](mlir::Dialect &plan) { addRowTo(plan, row); });
  }
  void addRow(const std::string &wrong, AddRow add);
  std::string origin() const { return "plugin '" + current + "'"; }
  void fail(const llvm::Twine &message);

  std::vector<std::string> names, errorList;
  std::vector<Hook> hookList;
  std::vector<std::function<void(mlir::DialectRegistry &)>> dialectAdders;
  std::vector<BlockStorage> formats;
  std::vector<std::shared_ptr<const Importer>> importerList;
  std::vector<AddRow> rows;
  // Of the plugin that is registering now.
  std::string current;
  PluginOptions currentOptions;
  std::vector<std::string> knownOptions;
  unsigned registered = 0; ///< passes, hooks and rows so far
};

/// Attribute of a module: the plugins that were there when it was made.
inline constexpr llvm::StringLiteral kPlugins = "phic.plugins";

/// Loads the plugins of `flags` (each file once a process) and adds them, and the hooks of --run-before and --run-after.
/// Returns what is wrong for the user to read, or nothing.
std::vector<std::string> loadPlugins(const PluginFlags &flags, PluginRegistry &registry);
/// The same for a tool: tells `log`, and the tool ends with exit code 1 where this is nothing.
std::optional<PluginRegistry> loadPlugins(const PluginFlags &flags, llvm::raw_ostream &log);

} // namespace phic

/// Defines a plugin's entry points: phic's, and MLIR's, through which mlir-opt gets the passes alone.
#define PHIC_PLUGIN(NAME, VERSION, REGISTER)                                                                           \
  extern "C" __attribute__((visibility("default"))) ::phic::PluginInfo phicGetPluginInfo() {                           \
    return {PHIC_PLUGIN_API_VERSION, NAME, VERSION, LLVM_VERSION_STRING, PHIC_VERSION, REGISTER};                      \
  }                                                                                                                    \
  extern "C" __attribute__((visibility("default"))) ::mlir::PassPluginLibraryInfo mlirGetPassPluginInfo() {            \
    return {MLIR_PLUGIN_API_VERSION, NAME, VERSION, [] { ::phic::PluginRegistry().add(NAME, VERSION, REGISTER); }};    \
  }

#endif // PHIC_COMPILER_PLUGIN_H
