//===- BadPlugin.cpp - Plugins with one mistake each -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compiled once for each PHIC_BAD_... (CMakeLists.txt).
//===----------------------------------------------------------------------===//
#include "compiler/Plugin.h"
#include "dialects/phiq/Phiq.h"

using namespace mlir;

namespace {
#if defined(PHIC_BAD_FLAG)
struct Impostor : PassWrapper<Impostor, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Impostor)
  StringRef getArgument() const override { return "phic-fuse-stages"; }
  void runOnOperation() override {}
};
#endif

[[maybe_unused]] void registerBad(phic::PluginRegistry &registry) {
#if defined(PHIC_BAD_FLAG)
  registry.addPass<Impostor>();
#elif defined(PHIC_BAD_HOOK)
  registry.runBefore(phic::Phase::Import, "canonicalize");
  registry.runAfter(phic::Phase::Fuse, "no-such-pass");
#elif defined(PHIC_BAD_FORMAT)
  registry.addFormat({.name = "nbits", .blockBytes = 1, .unpack = [](const uint8_t *, int64_t, phic::BlockRow &) {}});
  registry.addFormat(
      {.name = "mine", .blockBytes = 18, .unpack = [](const uint8_t *, int64_t, phic::BlockRow &) {}, .ggufType = 2});
#endif
}
} // namespace

#define PHIC_EXPORT extern "C" __attribute__((visibility("default")))
#if defined(PHIC_BAD_MLIR_API)
PHIC_EXPORT PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION + 1, "bad", "1", [] {}};
}
#elif defined(PHIC_BAD_NO_CALLBACK)
PHIC_EXPORT PassPluginLibraryInfo mlirGetPassPluginInfo() { return {MLIR_PLUGIN_API_VERSION, "bad", "1", nullptr}; }
#elif defined(PHIC_BAD_PLAIN)
PHIC_EXPORT PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "plain", "1", [] {}};
}
#elif defined(PHIC_BAD_API) || defined(PHIC_BAD_LLVM)
PHIC_EXPORT PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "bad", "1", [] {}};
}
PHIC_EXPORT phic::PluginInfo phicGetPluginInfo() {
#ifdef PHIC_BAD_API
  return {PHIC_PLUGIN_API_VERSION + 1, "bad", "1", LLVM_VERSION_STRING, PHIC_VERSION, registerBad};
#else
  return {PHIC_PLUGIN_API_VERSION, "bad", "1", "20.1.8", PHIC_VERSION, registerBad};
#endif
}
#elif defined(PHIC_BAD_NO_ENTRY)
PHIC_EXPORT int something_else() { return 0; }
#elif defined(PHIC_BAD_UNDEFINED)
extern "C" int phic_test_not_defined_anywhere();
PHIC_EXPORT PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {uint32_t(phic_test_not_defined_anywhere()), "bad", "1", [] {}};
}
#else
PHIC_PLUGIN("bad", "1", registerBad)
#endif
