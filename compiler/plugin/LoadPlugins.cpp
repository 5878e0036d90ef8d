//===- LoadPlugins.cpp - Plugins from the command line ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// File -> entry points -> registry; then the hooks that the user spelled out.
//===----------------------------------------------------------------------===//
#include "compiler/Plugin.h"
#include "compiler/plugin/Hooks.h"
#include "compiler/plugin/PluginFile.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <dlfcn.h>

using llvm::StringRef;
using llvm::Twine;

namespace phic {
namespace {

/// "A:B" at the first separator; nothing if either side is empty.
std::optional<std::pair<StringRef, StringRef>> splitAt(StringRef text, char separator) {
  auto parts = text.split(separator);
  if (parts.first.empty() || parts.second.empty())
    return std::nullopt;
  return parts;
}

std::string phaseNames() {
  std::string names;
  for (int i = 0; i < kPhaseCount; ++i)
    names += (i ? ", " : "") + std::string(phaseName(Phase(i)));
  return names;
}

/// --plugin-option, by plugin.
struct GivenOptions {
  std::map<std::string, PluginOptions> byPlugin;

  static std::string parse(const PluginFlags &flags, GivenOptions &given) {
    for (const std::string &text : flags.options) {
      auto owner = splitAt(text, ':');
      auto pair = owner ? splitAt(owner->second, '=') : std::nullopt;
      if (!pair)
        return "--plugin-option=" + text + " is not of the form PLUGIN:NAME=VALUE";
      given.byPlugin[owner->first.str()].emplace(pair->first.str(), pair->second.str());
    }
    return "";
  }
};

class Loader {
public:
  Loader(const PluginFlags &flags, PluginRegistry &registry) : flags(flags), registry(registry) {}

  std::vector<std::string> run() {
    if (std::string error = GivenOptions::parse(flags, given); !error.empty())
      return {error};
    for (const std::string &path : flags.files)
      if (std::string error = load(path); !error.empty())
        errors.push_back("--load-pass-plugin=" + path + ": " + error);
    if (!errors.empty())
      return errors; // what follows would complain about what these would have brought
    for (const auto &[plugin, ignored] : given.byPlugin)
      if (!used.contains(plugin))
        errors.push_back("--plugin-option: no plugin named '" + plugin + "' is loaded" + loaded());
    addHooks(flags.runBefore, "--run-before", /*isBefore=*/true);
    addHooks(flags.runAfter, "--run-after", /*isBefore=*/false);
    llvm::append_range(errors, registry.errors());
    return errors;
  }

private:
  std::string load(const std::string &path);
  std::string loadPhicPart(void *library);
  void addHooks(const std::vector<std::string> &texts, StringRef flag, bool isBefore);

  std::string loaded() const {
    std::string text;
    for (const std::string &name : registry.plugins())
      text += (text.empty() ? "; loaded: " : ", ") + name;
    return text;
  }

  const PluginFlags &flags;
  PluginRegistry &registry;
  GivenOptions given;
  llvm::StringSet<> used, files;
  std::vector<std::string> errors;
};

template <typename Function> Function *entryPoint(void *library, const char *name) {
  void *symbol = dlsym(library, name);
  return reinterpret_cast<Function *>(symbol);
}

std::string Loader::load(const std::string &path) {
  llvm::SmallString<128> real;
  if (!llvm::sys::fs::real_path(path, real) && !files.insert(real).second)
    return ""; // named twice
  if (std::string error = checkPluginFile(path); !error.empty())
    return error;
  // By its path, never searched for; its symbols stay its own, so that two plugins cannot mix theirs up.
  llvm::SmallString<128> absolute(path);
  llvm::sys::fs::make_absolute(absolute);
  void *library = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return std::string("cannot be loaded: ") + dlerror();
  if (auto *phicInfo = entryPoint<PluginInfo()>(library, "phicGetPluginInfo")) {
    PluginInfo info = phicInfo();
    if (info.apiVersion != PHIC_PLUGIN_API_VERSION)
      return "has phic's plugin API version " + std::to_string(info.apiVersion) + ", this phic has " +
             std::to_string(PHIC_PLUGIN_API_VERSION);
    if (StringRef(info.llvm) != LLVM_VERSION_STRING || StringRef(info.phic) != PHIC_VERSION)
      return std::string("was built with phic ") + info.phic + " and LLVM " + info.llvm +
             ", this is phic " PHIC_VERSION " with LLVM " LLVM_VERSION_STRING ": build it again";
    used.insert(info.name);
    registry.add(info.name, info.version, info.registerWith, given.byPlugin[info.name]);
    return "";
  }
  mlir::PassPluginLibraryInfo info = entryPoint<mlir::PassPluginLibraryInfo()>(library, "mlirGetPassPluginInfo")();
  if (info.apiVersion != MLIR_PLUGIN_API_VERSION)
    return "has MLIR's plugin API version " + std::to_string(info.apiVersion) + ", this phic has " +
           std::to_string(MLIR_PLUGIN_API_VERSION);
  if (!info.registerPassRegistryCallbacks)
    return "registers nothing: it has no function to call";
  registry.addNamed(info.pluginName, info.pluginVersion);
  info.registerPassRegistryCallbacks();
  return "";
}

/// Text of the form PHASE:PIPELINE.
void Loader::addHooks(const std::vector<std::string> &texts, StringRef flag, bool isBefore) {
  for (const std::string &text : texts) {
    std::string origin = (flag + "=" + text).str();
    auto parts = splitAt(text, ':');
    std::optional<Phase> phase = parts ? phaseByName(std::string_view(parts->first)) : std::nullopt;
    if (!phase)
      errors.push_back(origin + " is not of the form PHASE:PIPELINE; phases are " + phaseNames());
    else
      registry.addHook({*phase, isBefore, parts->second.str(), {}, origin});
  }
}

} // namespace

std::vector<std::string> loadPlugins(const PluginFlags &flags, PluginRegistry &registry) {
  registerPasses();
  std::vector<std::string> errors = Loader(flags, registry).run();
  if (!errors.empty())
    return errors;
  for (const Hook &hook : registry.hooks()) {
    mlir::OpPassManager passes(mlir::ModuleOp::getOperationName(), mlir::OpPassManager::Nesting::Implicit);
    if (std::string error = addHook(passes, hook); !error.empty())
      errors.push_back(hook.origin + ": " + error);
  }
  return errors;
}

std::optional<PluginRegistry> loadPlugins(const PluginFlags &flags, llvm::raw_ostream &log) {
  PluginRegistry registry;
  std::vector<std::string> errors = loadPlugins(flags, registry);
  for (const std::string &error : errors)
    log << "phic: error: " << error << "\n";
  return errors.empty() ? std::optional(std::move(registry)) : std::nullopt;
}

} // namespace phic
