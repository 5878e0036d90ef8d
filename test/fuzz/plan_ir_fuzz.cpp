//===- plan_ir_fuzz.cpp - IR between phases, edited ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What `phic build --start-from` reads and a manifest holds: the IR of a small model after one of the phases, with words and
// lines changed (IrMutator.h), taken through the rest of the phases up to kernels. It is refused or becomes code; exit code 3
// says that a phase relied on what nobody had checked.
//===----------------------------------------------------------------------===//
#include "FuzzFile.h"
#include "IrMutator.h"
#include "Unpoisoned.h"
#include "compiler/Compiler.h"
#include "compiler/request/BuildRequest.h"
#include <cstdio>

using namespace phic;

namespace {

/// The phase that goes on with what the text says it has been through.
Phase phaseAfter(llvm::StringRef text) {
  llvm::StringRef name = text.split("phiq.after = \"").second.split('"').first;
  std::optional<Phase> phase = phaseByName(name);
  return phase && *phase < Phase::Layout ? Phase(int(*phase) + 1) : Phase::Kernels;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  const fuzz::FuzzFile file(data, size);
  Options options;
  options.model = file.path();
  options.modelDirectory = PHIC_MODELS;
  options.modelDirectory += text.contains("graph.onnx") ? "/tiny-graph" : "/tiny-llama/ort-genai-int4";
  options.startFrom = phaseAfter(text);
  options.stopAfter = Phase::Kernels;
  options.cpu = "x86-64-v3";
  options.quiet = true;
  PhaseObserver observer;
  observer.after = [](Phase, llvm::ArrayRef<mlir::ModuleOp>) {};
  if (observe(llvm::cantFail(resolvePipeline(options)), observer) != kExitInternal)
    return 0;
  for (const Finding &finding : observer.findings)
    std::fprintf(stderr, "%s\n", finding.message.c_str());
  std::abort();
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed) {
  const std::string text = fuzz::IrMutator({data, data + size}, seed).run();
  if (text.empty() || text.size() > most)
    return size;
  memcpy(data, text.data(), text.size());
  return text.size();
}
