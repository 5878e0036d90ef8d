//===- GraphRuns.h - A graph imported, interpreted, compiled ---*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An ONNX file the way that users take: libphic imports it, and compiles it to a shared library, which is loaded and run.
// Beside that, what the interpreter says that the imported ops mean.
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_GRAPHS_GRAPHRUNS_H
#define PHIC_TEST_GRAPHS_GRAPHRUNS_H

#include "compiler/Options.h"
#include "test/graphs/ProgramRun.h"
#include "llvm/ADT/StringMap.h"

namespace phic::test {

/// Arrays by the names that the graph has for them.
using Named = llvm::StringMap<Array>;
/// What a graph gives; or why nothing: one line, the first thing that phic says.
using Results = llvm::Expected<Named>;

/// What a graph takes and returns, in order; the arrays have the types, and zeros.
struct Signature {
  std::vector<NamedArray> inputs, results;
};
struct ImportedGraph {
  Signature signature;
  Results meant; ///< what the interpreter makes of the inputs
};

/// An import that is refused is a Refusal.
llvm::Expected<ImportedGraph> importGraph(const Options &options, const Named &inputs);
/// Compiles to a shared library in `folder` and runs that; or, where the options' one kind of output is a program, to that.
Results runCompiled(Options options, const Signature &signature, const Named &inputs, const std::string &folder);

/// Compiles to a program in `folder`, runs that on numbers of no meaning, and holds each of its stages to its bound.
llvm::Error verifyCompiled(Options options, const std::string &folder);

/// The importer's, with everything that it said.
class Refusal : public llvm::ErrorInfo<Refusal> {
public:
  static char ID;
  explicit Refusal(std::string text) : text(std::move(text)) {}
  void log(llvm::raw_ostream &os) const override { os << text; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

  std::string text; ///< a line a reason
};

} // namespace phic::test

#endif // PHIC_TEST_GRAPHS_GRAPHRUNS_H
