//===- NodeTests.cpp - ONNX's node tests through phic --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     NodeTests INDEX --open=FILE [--jobs=N] [--write] [NAME...]     the tests of the selection, or those named
//     NodeTests INDEX --all [--jobs=N]                               every test; a report
//
// INDEX is what node_tests.py writes. Each test is imported, interpreted, compiled and run, in a process of its own so that
// the one which does not come back is told by its name. FILE lists the tests that do not pass yet: another one that
// fails is an error, and so is one of them that passes. --write writes it anew.
//===----------------------------------------------------------------------===//
#include "test/graphs/NodeTest.h"
#include "test/graphs/Processes.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"
#include <fstream>
#include <map>
#include <set>

using namespace phic::test;
using llvm::outs;
using llvm::StringRef;

namespace {

struct Flags {
  std::string index, open;
  std::vector<std::string> names;
  int jobs = 1;
  bool all = false, write = false;
};

std::optional<Flags> readFlags(llvm::ArrayRef<const char *> words) {
  Flags flags;
  for (StringRef word : words) {
    if (word.consume_front("--open="))
      flags.open = word.str();
    else if (word.consume_front("--jobs="))
      flags.jobs = std::max(1, std::atoi(word.str().c_str()));
    else if (word == "--all" || word == "--write")
      (word == "--all" ? flags.all : flags.write) = true;
    else if (word.starts_with("--"))
      return std::nullopt;
    else if (flags.index.empty())
      flags.index = word.str();
    else
      flags.names.push_back(word.str());
  }
  return flags.index.empty() || (flags.write && flags.open.empty()) ? std::nullopt : std::optional(flags);
}

std::vector<NodeTest> chosen(const Flags &flags) {
  std::vector<NodeTest> tests = readNodeTests(flags.index);
  llvm::erase_if(tests, [&](const NodeTest &test) {
    return flags.names.empty() ? !flags.all && !test.isSelected : !llvm::is_contained(flags.names, test.name);
  });
  return tests;
}

/// The names in the list; '#' begins a comment.
llvm::StringSet<> readOpen(const std::string &path) {
  llvm::StringSet<> names;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (StringRef name = StringRef(line).split('#').first.trim(); !name.empty())
      names.insert(name.split(' ').first);
  return names;
}

void writeOpen(const std::string &path, llvm::ArrayRef<NodeTest> tests, llvm::ArrayRef<Outcome> outcomes) {
  std::ofstream file(path);
  file << "# node_tests_open.txt: node tests of the selection that do not pass yet, and where they stop. NodeTests "
          "--write\n";
  for (auto [test, outcome] : llvm::zip_equal(tests, outcomes))
    if (!outcome.passes())
      file << test.name << " # " << outcome.stage() << "\n";
}

void print(const NodeTest &test, const Outcome &outcome) {
  outs() << test.name << ": " << (outcome.passes() ? "pass" : outcome.text());
  if (!outcome.pinned.empty())
    outs() << "  [constant: " << llvm::join(outcome.pinned, ", ") << "]";
  outs() << "\n";
}

/// How many tests each kind of reason stops, most first.
void printKinds(llvm::ArrayRef<Outcome> outcomes) {
  std::map<std::string, int64_t> kinds;
  for (const Outcome &outcome : outcomes)
    if (!outcome.passes())
      ++kinds[outcome.kind()];
  std::set<std::pair<int64_t, StringRef>> sorted;
  for (const auto &[kind, count] : kinds)
    sorted.emplace(-count, kind);
  for (const auto &[less, kind] : sorted)
    outs() << llvm::formatv("{0,5}  {1}\n", -less, kind);
}

/// Of a list that says which tests fail; the number of those that do otherwise.
size_t surprises(llvm::ArrayRef<NodeTest> tests, llvm::ArrayRef<Outcome> outcomes, const llvm::StringSet<> &open) {
  size_t count = 0;
  for (auto [test, outcome] : llvm::zip_equal(tests, outcomes))
    if (outcome.passes() == open.contains(test.name)) {
      outs() << test.name << (outcome.passes() ? " passes: take it from the list\n" : " FAILS\n");
      ++count;
    }
  return count;
}

} // namespace

int main(int argc, char **argv) {
  std::optional<Flags> flags = readFlags(llvm::ArrayRef<const char *>(argv + 1, size_t(argc - 1)));
  if (!flags)
    return outs() << "usage: NodeTests INDEX [--open=FILE [--write]] [--all] [--jobs=N] [NAME...]\n", 2;
  const std::vector<NodeTest> tests = chosen(*flags);
  std::vector<Outcome> outcomes(tests.size());
  runInProcesses(
      tests.size(), flags->jobs, [&](size_t i, const Report &report) { runNodeTest(tests[i], report); },
      [&](size_t i, llvm::ArrayRef<std::string> lines, const std::string &death) {
        outcomes[i] = Outcome(lines, death);
        print(tests[i], outcomes[i]);
      });
  if (flags->all || flags->names.empty())
    printKinds(outcomes);
  auto count = [&](bool Outcome::*part) { return llvm::count_if(outcomes, [&](const Outcome &o) { return o.*part; }); };
  outs() << count(&Outcome::interpreterPasses) << " of " << tests.size() << " pass (interpreter), "
         << count(&Outcome::compiledPasses) << " of " << tests.size() << " (compiled)\n";
  if (flags->write)
    writeOpen(flags->open, tests, outcomes);
  return !flags->all && surprises(tests, outcomes, readOpen(flags->open)) ? 1 : 0;
}
