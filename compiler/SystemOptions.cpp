//===- SystemOptions.cpp - One compilation for each system -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/SystemOptions.h"
#include "compiler/PlanOutputs.h"
#include "targets/Levels.h"
#include "llvm/Support/Path.h"

namespace phic {

llvm::Expected<std::vector<Options>> optionsOfSystems(const Options &options) {
  std::string reason;
  auto targets = chooseTargets(options.target, options.cpu, options.device, &reason);
  if (!targets)
    return llvm::createStringError(reason);
  std::vector<Options> all;
  for (const TargetChoice &choice : *targets) {
    Options one = options;
    one.target = choice.system->name;
    if (!all.empty()) {
      llvm::StringRef path = options.output, extension = llvm::sys::path::extension(path);
      one.output = (path.drop_back(extension.size()) + "-" + one.target + extension).str();
    }
    all.push_back(std::move(one));
  }
  return all;
}

llvm::Expected<std::vector<std::string>> pathsOfSystems(const Options &options) {
  auto all = optionsOfSystems(options);
  if (!all)
    return all.takeError();
  std::vector<std::string> paths;
  for (const Options &one : *all) {
    auto outputs = planOutputs(one);
    if (!outputs)
      return outputs.takeError();
    for (std::string &path : outputs->paths())
      paths.push_back(std::move(path));
  }
  return paths;
}

} // namespace phic
