//===- NodeTestPage.cpp - Which node tests pass, as a page ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A refusal is put by what it says: that there is no such operator, that graphs have no such type, or another limit.
//===----------------------------------------------------------------------===//
#include "test/graphs/NodeTestPage.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>
#include <regex>

using namespace llvm;

namespace phic::test {
namespace {

/// How often something is the reason.
class Counts {
public:
  void add(const std::string &what) {
    ++counts[what];
    ++sum;
  }
  int64_t total() const { return sum; }
  /// "Mod 91, Attention 82": most first.
  std::string list() const {
    return join(
        map_range(sorted(), [](const Entry &entry) { return entry.second + " " + std::to_string(-entry.first); }),
        ", ");
  }
  /// As rows of a table.
  std::string rows() const {
    std::string text;
    for (const auto &[less, what] : sorted())
      text += formatv("| {0} | {1} |\n", what, -less);
    return text;
  }

private:
  using Entry = std::pair<int64_t, std::string>;
  std::vector<Entry> sorted() const {
    std::vector<Entry> entries;
    for (const auto &[what, count] : counts)
      entries.emplace_back(-count, what);
    llvm::sort(entries);
    return entries;
  }

  std::map<std::string, int64_t> counts;
  int64_t sum = 0;
};

struct Reasons {
  Counts operators, types, limits, failures;

  void add(const Outcome &outcome) {
    static const std::regex unknown("op '([^']*)': the op(?:, of domain '([^']*)',)? is not supported"),
        ofType("(?:graph input '[^']*' is of type|attribute '(?:to|output_dtype)' is) (\\w+)"),
        noTensor("graph input '[^']*' is no tensor");
    std::smatch found;
    if (outcome.refusal.empty())
      failures.add(outcome.kind());
    else if (std::regex_search(outcome.refusal, found, unknown))
      operators.add(found[1].str() + (found[2].matched ? " (" + found[2].str() + ")" : ""));
    else if (std::regex_search(outcome.refusal, found, ofType))
      types.add(found[1]);
    else if (std::regex_search(outcome.refusal, noTensor))
      types.add("sequence or optional");
    else
      limits.add(StringRef(outcome.kind()).split(": ").second.str());
  }
};

constexpr StringLiteral kHead = R"(# ONNX's node tests

Made by `NodeTests INDEX --all --page=docs/onnx-node-tests.md` (`test/graphs`); with `PHIC_CHECK_ALL=1` the test `node_tests_page`
holds it to what passes. A test passes where phic imports it, its ops mean the expected results (interpreter), a library that
is compiled for x86-64-v3 computes them, and every stage of a program is within its bound (`phic verify`). Whatever phic
cannot compute it refuses when importing, and says why; of several reasons the first is counted.
)";

} // namespace

std::string pageOf(ArrayRef<NodeTest> tests, ArrayRef<Outcome> outcomes) {
  Reasons reasons;
  int64_t selected = 0, selectedPassing = 0, passing = 0;
  for (auto [test, outcome] : zip_equal(tests, outcomes)) {
    selected += test.isSelected;
    selectedPassing += test.isSelected && outcome.passes();
    passing += outcome.passes();
    if (!outcome.passes())
      reasons.add(outcome);
  }
  std::string page = kHead.str();
  page += formatv("\n| tests | {0} |\n|---|---|\n", tests.size());
  page += formatv("| pass | {0} |\n", passing);
  page += formatv("| pass of the {0} that have supported operators and types alone (`node_tests.py`) | {1} |\n",
                  selected, selectedPassing);
  page += formatv("| have an operator that graphs have not | {0} |\n", reasons.operators.total());
  page += formatv("| have a type that graphs have not | {0} |\n", reasons.types.total());
  page += formatv("| are beyond another limit | {0} |\n", reasons.limits.total());
  page += formatv("| fail | {0} |\n", reasons.failures.total());
  page += "\n## Operators that graphs have not\n\n" + reasons.operators.list() + "\n";
  page += "\n## Types that graphs have not\n\n" + reasons.types.list() + "\n";
  page += "\n## Other limits\n\n| what is said, with names and numbers left out | tests |\n|---|---|\n" +
          reasons.limits.rows();
  if (reasons.failures.total())
    page += "\n## Failures\n\n| where, and how | tests |\n|---|---|\n" + reasons.failures.rows();
  return page;
}

} // namespace phic::test
