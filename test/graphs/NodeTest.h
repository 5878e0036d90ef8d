//===- NodeTest.h - One of ONNX's node tests -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_GRAPHS_NODETEST_H
#define PHIC_TEST_GRAPHS_NODETEST_H

#include "compiler/Options.h"
#include "test/graphs/Arrays.h"
#include "test/graphs/Processes.h"

namespace phic::test {

/// As node_tests.py wrote it.
struct NodeTest {
  std::string name, folder;
  std::vector<std::string> inputs, outputs;
  bool isSelected = false;
  bool isReadable = false; ///< every value is a tensor of a type that .npy files have
  Tolerance tolerance;
};

std::vector<NodeTest> readNodeTests(const std::string &index);

/// What runs the compiled graph: a processor of this machine as a library, or another one as a program in an emulator.
struct Machine {
  std::string system = "x86_64-linux", level = "x86-64-v3";
  bool isLibrary = true;

  Options options() const;
};

/// Runs it and reports, as lines, what Outcome reads.
void runNodeTest(const NodeTest &test, const Machine &machine, const Report &report);

/// Names the model, and makes constants of inputs that phic asks for; empty, or why the importer refuses it.
std::string pinInputs(const NodeTest &test, Options &options);

/// Something that is done with a test, in order: it passes, or says why not.
struct Part {
  const char *name;
  bool passes = false;
  std::string reason = {};
};

struct Outcome {
  Outcome() = default;
  Outcome(llvm::ArrayRef<std::string> lines, const std::string &death);

  Part interpreter{"interpreter"}; ///< what was imported means the results
  Part compiled{"compiled"};       ///< a library, or on another machine a program, has them
  Part verified{"verified"};       ///< every stage of a program is within its bound on any input
  std::string refusal;             ///< of the importer; empty: none
  std::vector<std::string> pinned; ///< inputs that were given as constants, since phic asks for it

  bool passes() const { return interpreter.passes && compiled.passes && verified.passes; }
  std::string text() const;
  /// Where it stops: "import", or the parts that do not pass.
  std::string stage() const;
  /// What stops it, without the names and numbers of this test.
  std::string kind() const;

private:
  std::vector<const Part *> failing() const;
};

} // namespace phic::test

#endif // PHIC_TEST_GRAPHS_NODETEST_H
