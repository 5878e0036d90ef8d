//===- Hooks.cpp - Passes by their names -----------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/plugin/Hooks.h"
#include "compiler/Plugin.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"
#include "targets/Backend.h"

using namespace mlir;

namespace phic {

void registerPasses() {
  registerPhicPasses();
  for (const Backend *backend : allBackends())
    backend->registerPasses();
  registerCanonicalizerPass();
  registerCSEPass();
}

std::string addHook(OpPassManager &passes, const Hook &hook) {
  if (hook.make) {
    passes.addPass(hook.make());
    return "";
  }
  std::string message;
  llvm::raw_string_ostream os(message);
  if (succeeded(parsePassPipeline(hook.pipeline, passes, os)))
    return "";
  // MLIR's text has the place before the sentence and a picture after it.
  StringRef sentence = StringRef(message).split("error: ").second.split('\n').first;
  return sentence.empty() ? "'" + hook.pipeline + "' is no pass pipeline" : sentence.str();
}

} // namespace phic
