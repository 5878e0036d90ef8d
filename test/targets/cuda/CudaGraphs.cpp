//===- CudaGraphs.cpp - Graphs' kernels for GPUs, on the emulator --------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     CudaGraphs INDEX [--jobs=N] [NAME...]     the node tests of the selection, or those named
//     CudaGraphs [--jobs=N] [--dim=NAME=N] [--state=OUTPUT=INPUT] MODEL.onnx...
//
// INDEX is what node_tests.py writes. Each graph is checked in a process of its own.
//===----------------------------------------------------------------------===//
#include "test/graphs/NodeTest.h"
#include "test/graphs/Processes.h"
#include "test/targets/cuda/CudaGraph.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace phic;
using namespace phic::test;
using llvm::outs;
using llvm::StringRef;

namespace {

struct Flags {
  std::string index;
  std::vector<std::string> names;
  InputSettings inputs;
  int jobs = 1;
};

Flags readFlags(llvm::ArrayRef<const char *> words) {
  Flags flags;
  for (StringRef word : words) {
    if (word.consume_front("--jobs="))
      flags.jobs = std::max(1, std::atoi(word.str().c_str()));
    else if (word.consume_front("--dim="))
      flags.inputs.dimensions.emplace_back(word.split('=').first.str(), std::stoll(word.split('=').second.str()));
    else if (word.consume_front("--state="))
      flags.inputs.states.emplace_back(word.split('=').first.str(), word.split('=').second.str());
    else if (word.ends_with(".json"))
      flags.index = word.str();
    else
      flags.names.push_back(word.str());
  }
  return flags;
}

/// Of an index the selection, or what is named.
std::vector<NodeTest> chosen(const Flags &flags) {
  std::vector<NodeTest> tests = readNodeTests(flags.index);
  llvm::erase_if(tests, [&](const NodeTest &test) {
    return flags.names.empty() ? !test.isSelected : !llvm::is_contained(flags.names, test.name);
  });
  return tests;
}

/// One line; empty where all stages are within their bounds.
std::string check(Options options) {
  options.device = "cuda";
  options.quiet = true;
  return toString(checkOnEmulator(options));
}

} // namespace

int main(int argc, char **argv) {
  const Flags flags = readFlags(llvm::ArrayRef<const char *>(argv + 1, size_t(argc - 1)));
  std::vector<NodeTest> tests;
  std::vector<std::string> names = flags.names;
  if (!flags.index.empty()) {
    tests = chosen(flags);
    names.clear();
    for (const NodeTest &test : tests)
      names.push_back(test.name);
  }
  size_t failures = 0;
  runInProcesses(
      names.size(), flags.jobs,
      [&](size_t i, const Report &report) {
        Options options = Machine().options();
        options.model = names[i];
        options.graphInputs = flags.inputs;
        const std::string refusal = tests.empty() ? "" : pinInputs(tests[i], options);
        report(refusal.empty() ? check(options) : refusal);
      },
      [&](size_t i, llvm::ArrayRef<std::string> lines, const std::string &death) {
        if (lines.empty() && death.empty())
          return;
        outs() << names[i] << ": " << (lines.empty() ? death : lines.front()) << "\n";
        ++failures;
      });
  outs() << names.size() - failures << " of " << names.size() << " graphs are within their bounds\n";
  return failures == 0 && !names.empty() ? 0 : 1;
}
