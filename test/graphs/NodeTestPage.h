//===- NodeTestPage.h - Which node tests pass, as a page -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_GRAPHS_NODETESTPAGE_H
#define PHIC_TEST_GRAPHS_NODETESTPAGE_H

#include "test/graphs/NodeTest.h"

namespace phic::test {

/// docs/onnx-node-tests.md: how many tests pass, and what phic says of the others, by kind and how often.
std::string pageOf(llvm::ArrayRef<NodeTest> tests, llvm::ArrayRef<Outcome> outcomes);

} // namespace phic::test

#endif // PHIC_TEST_GRAPHS_NODETESTPAGE_H
