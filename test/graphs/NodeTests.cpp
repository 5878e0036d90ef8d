//===- NodeTests.cpp - ONNX's node tests through phic --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//     NodeTests INDEX --open=FILE [--jobs=N] [--write] [NAME...]     the tests of the selection, or those named
//     NodeTests INDEX --all [--jobs=N] [--page=FILE [--write]]       every test; a report, which the page has to be
//
// INDEX is what node_tests.py writes. Each test is imported, interpreted, compiled and run, in a process of its own so that
// the one which does not come back is told by its name. The file of --open lists the tests that do not pass yet: another one that
// fails is an error, and so is one of them that passes. --write writes it, or the page, anew. With PHIC_CHECK_ALL=1 those that pass are run
// on the other levels of x86-64 and on ARM, too.
//===----------------------------------------------------------------------===//
#include "test/graphs/NodeTest.h"
#include "test/graphs/NodeTestPage.h"
#include "test/graphs/Processes.h"
#include "test/graphs/ProgramRun.h"
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
  std::string index, open, page;
  std::vector<std::string> names;
  int jobs = 1;
  bool all = false, write = false;
};

std::optional<Flags> readFlags(llvm::ArrayRef<const char *> words) {
  Flags flags;
  for (StringRef word : words) {
    if (word.consume_front("--open="))
      flags.open = word.str();
    else if (word.consume_front("--page="))
      flags.page = word.str();
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
  const bool isComplete = !flags.index.empty() && (!flags.write || !flags.open.empty() || !flags.page.empty()) &&
                          (flags.page.empty() || (flags.all && flags.names.empty()));
  return isComplete ? std::optional(flags) : std::nullopt;
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

std::vector<Outcome> runAll(llvm::ArrayRef<NodeTest> tests, const Machine &machine, const Flags &flags) {
  std::vector<Outcome> outcomes(tests.size());
  runInProcesses(
      tests.size(), flags.jobs, [&](size_t i, const Report &report) { runNodeTest(tests[i], machine, report); },
      [&](size_t i, llvm::ArrayRef<std::string> lines, const std::string &death) {
        outcomes[i] = Outcome(lines, death);
        print(tests[i], outcomes[i]);
      });
  return outcomes;
}

void printTotals(llvm::ArrayRef<Outcome> outcomes, const Machine &machine) {
  printKinds(outcomes);
  auto count = [&](Part Outcome::*part) {
    return llvm::count_if(outcomes, [&](const Outcome &outcome) { return (outcome.*part).passes; });
  };
  outs() << machine.level << ": of " << outcomes.size() << " pass " << count(&Outcome::interpreter)
         << " (interpreter), " << count(&Outcome::compiled) << " (compiled), " << count(&Outcome::verified)
         << " (verified), " << llvm::count_if(outcomes, [](const Outcome &outcome) { return outcome.passes(); })
         << " (all)\n";
}

/// Writes the page where it is to be written; whether it is what was found.
bool isPage(const std::string &path, const std::string &text, bool write) {
  if (write)
    std::ofstream(path) << text;
  std::ifstream file(path);
  const std::string found{std::istreambuf_iterator<char>(file), {}};
  if (found != text)
    outs() << path << " does not say what was found; --write writes it anew:\n" << text;
  return found == text;
}

/// Those that pass on this machine do so on all others, where the program is run by an emulator.
bool passElsewhere(std::vector<NodeTest> tests, const llvm::StringSet<> &open, const Flags &flags) {
  llvm::erase_if(tests, [&](const NodeTest &test) { return open.contains(test.name); });
  bool passes = true;
  for (const Machine &machine : {Machine{"x86_64-linux", "x86-64-v4+vnni", false},
                                 {"aarch64-linux", "neon", false},
                                 {"aarch64-linux", "neon+dotprod", false},
                                 {"aarch64-linux", "neon+i8mm", false}}) {
    phic::Options options = machine.options();
    options.model = tests.front().folder + "/model.onnx"; // any
    if (const std::string missing = whatIsMissing(options); !missing.empty()) {
      outs() << "[SKIP] " << machine.level << " needs " << missing << "\n";
      continue;
    }
    const std::vector<Outcome> outcomes = runAll(tests, machine, flags);
    printTotals(outcomes, machine);
    passes &= surprises(tests, outcomes, {}) == 0;
  }
  return passes;
}

} // namespace

int main(int argc, char **argv) {
  std::optional<Flags> flags = readFlags(llvm::ArrayRef<const char *>(argv + 1, size_t(argc - 1)));
  if (!flags)
    return outs() << "usage: NodeTests INDEX [--open=FILE [--write]] [--all [--page=FILE [--write]]] [--jobs=N] "
                     "[NAME...]\n",
           2;
  if (!flags->page.empty() && !flags->write && !getenv("PHIC_CHECK_ALL"))
    return outs() << "[SKIP] every one of ONNX's node tests; PHIC_CHECK_ALL=1 runs them\n", 0;
  const std::vector<NodeTest> tests = chosen(*flags);
  const Machine here;
  const std::vector<Outcome> outcomes = runAll(tests, here, *flags);
  printTotals(outcomes, here);
  if (flags->all)
    return flags->page.empty() || isPage(flags->page, pageOf(tests, outcomes), flags->write) ? 0 : 1;
  if (flags->write)
    writeOpen(flags->open, tests, outcomes);
  const llvm::StringSet<> open = readOpen(flags->open);
  bool passes = surprises(tests, outcomes, open) == 0;
  if (getenv("PHIC_CHECK_ALL"))
    passes &= passElsewhere(tests, open, *flags);
  return passes ? 0 : 1;
}
