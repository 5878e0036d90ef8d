//===- GraphInputs.h - Numbers to run a graph on ---------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files for every input of a graph's program, for several runs in one session. The same numbers every time.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_VERIFY_GRAPHINPUTS_H
#define PHIC_COMPILER_VERIFY_GRAPHINPUTS_H

#include "dialects/plan/Entry.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace phic {

class GraphInputs {
public:
  /// Writes the files, in a temporary folder that goes with the object.
  static llvm::Expected<GraphInputs> create(llvm::ArrayRef<plan::Binding> bindings, int64_t runs);
  GraphInputs(GraphInputs &&other) : folder(std::exchange(other.folder, "")), words(std::move(other.words)) {}
  ~GraphInputs();

  /// `--in NAME=F` for each.
  const std::vector<std::string> &arguments() const { return words; }

private:
  explicit GraphInputs(std::string folder) : folder(std::move(folder)) {}
  llvm::Error add(const plan::Binding &binding, int64_t runs);

  std::string folder;
  std::vector<std::string> words;
};

} // namespace phic

#endif // PHIC_COMPILER_VERIFY_GRAPHINPUTS_H
