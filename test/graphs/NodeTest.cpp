//===- NodeTest.cpp - One of ONNX's node tests ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/graphs/NodeTest.h"
#include "test/graphs/GraphRuns.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>

using namespace llvm;

namespace phic::test {
namespace {

/// The words that begin the lines of a report.
constexpr StringLiteral kRefused = "refused ", kInterpreter = "interpreter ", kCompiled = "compiled ",
                        kVerified = "verified ", kPinned = "pinned ";

/// A folder that goes with the object.
class Folder {
public:
  Folder() { cantFail(errorCodeToError(sys::fs::createUniqueDirectory("phic-node-test", path))); }
  ~Folder() { sys::fs::remove_directories(path); }
  Folder(const Folder &) = delete;
  std::string name() const { return path.str().str(); }

private:
  SmallString<128> path;
};

Named readAll(const NodeTest &test, ArrayRef<std::string> names, StringRef what) {
  Named arrays;
  for (auto [i, name] : enumerate(names))
    arrays[name] = cantFail(readArray((test.folder + "/" + what + "_" + Twine(i) + ".npy").str()));
  return arrays;
}

/// One line: empty where the results are as expected.
std::string verdict(Results results, const NodeTest &test, const Named &expected) {
  if (!results)
    return toString(results.takeError());
  for (const std::string &name : test.outputs) {
    auto found = results->find(name);
    if (found == results->end())
      return "there is no result '" + name + "'";
    if (std::string wrong = difference(found->second, expected.lookup(name), test.tolerance); !wrong.empty())
      return "'" + name + "' " + wrong;
  }
  return "";
}

/// As --const takes them.
std::string numbersText(const Array &array) {
  std::string text;
  for (size_t i = 0; i < array.elements(); ++i)
    text += (text.empty() ? "" : ",") + array.text(i);
  return text.empty() ? "0" : text; // as many zeros as it has elements
}

/// The input that a reason says to give as a constant; of what is computed from inputs the next that is not one yet.
std::string inputToPin(const std::string &refusal, const NodeTest &test, const Options &options) {
  static const std::regex asking("input [0-9]+ \\('([^']*)'\\)[^\n]*--const");
  std::smatch found;
  if (!std::regex_search(refusal, found, asking))
    return "";
  auto isPinned = [&](const std::string &name) {
    return any_of(options.graphInputs.constants, [&](const auto &pinned) { return pinned.first == name; });
  };
  std::vector<std::string> names = {found[1]};
  if (!is_contained(test.inputs, names.front()))
    names.assign(test.inputs.rbegin(), test.inputs.rend());
  const auto name = find_if_not(names, isPinned);
  return name == names.end() ? "" : *name;
}

/// Of the inputs that phic asks for as constants, makes some.
Expected<ImportedGraph> importPinned(const NodeTest &test, Options &options, Named &inputs, const Report &report) {
  Expected<ImportedGraph> imported = importGraph(options, inputs);
  while (!imported) {
    const std::string refusal = toString(imported.takeError());
    const std::string name = inputToPin(refusal, test, options);
    if (name.empty() || !test.isReadable)
      return createStringError(refusal);
    options.graphInputs.constants.emplace_back(name, numbersText(inputs[name]));
    report(kPinned.str() + name);
    imported = importGraph(options, inputs);
  }
  return imported;
}

} // namespace

std::string pinInputs(const NodeTest &test, Options &options) {
  options.model = test.folder + "/model.onnx";
  Named inputs;
  if (test.isReadable)
    inputs = readAll(test, test.inputs, "in");
  Expected<ImportedGraph> imported = importPinned(test, options, inputs, [](const std::string &) {});
  return imported ? "" : StringRef(toString(imported.takeError())).split('\n').first.str();
}

Options Machine::options() const {
  Options options;
  options.target = system;
  options.cpu = level;
  options.emit = {isLibrary ? EmitKind::Shared : EmitKind::Exe};
  return options;
}

std::vector<NodeTest> readNodeTests(const std::string &index) {
  std::ifstream file(index);
  std::vector<NodeTest> tests;
  for (const nlohmann::json &entry : nlohmann::json::parse(file)) {
    NodeTest test;
    test.name = entry.at("name");
    test.folder = (sys::path::parent_path(index) + "/" + test.name).str();
    test.inputs = entry.at("in");
    test.outputs = entry.at("out");
    test.isSelected = entry.at("selected");
    test.isReadable = entry.at("readable");
    test.tolerance = {entry.at("rtol"), entry.at("atol")};
    tests.push_back(std::move(test));
  }
  return tests;
}

void runNodeTest(const NodeTest &test, const Machine &machine, const Report &report) {
  Options options = machine.options();
  options.model = test.folder + "/model.onnx";
  Named inputs, expected;
  if (test.isReadable) {
    inputs = readAll(test, test.inputs, "in");
    expected = readAll(test, test.outputs, "out");
  }
  Expected<ImportedGraph> imported = importPinned(test, options, inputs, report);
  if (!imported)
    return report(kRefused.str() + StringRef(toString(imported.takeError())).split('\n').first.str());
  report(kInterpreter.str() + verdict(std::move(imported->meant), test, expected));
  Folder folder;
  report(kCompiled.str() + verdict(runCompiled(options, imported->signature, inputs, folder.name()), test, expected));
  // Elsewhere, `levels` and `arm` hold the same kernels to it.
  report(kVerified.str() + (machine.isLibrary ? toString(verifyCompiled(options, folder.name())) : ""));
}

Outcome::Outcome(ArrayRef<std::string> lines, const std::string &death) {
  interpreter.reason = compiled.reason = verified.reason = death;
  for (StringRef line : lines) {
    if (line.consume_front(kRefused))
      refusal = line.str();
    else if (line.consume_front(kPinned))
      pinned.push_back(line.str());
    for (auto [word, part] : {std::pair(kInterpreter, &interpreter), {kCompiled, &compiled}, {kVerified, &verified}})
      if (line.consume_front(word))
        part->passes = (part->reason = line.str()).empty();
  }
}

std::vector<const Part *> Outcome::failing() const {
  std::vector<const Part *> parts;
  for (const Part *part : {&interpreter, &compiled, &verified})
    if (!part->passes)
      parts.push_back(part);
  return parts;
}

std::string Outcome::stage() const {
  if (!refusal.empty())
    return "import";
  return join(map_range(failing(), [](const Part *part) { return StringRef(part->name); }), ", ");
}

std::string Outcome::text() const {
  std::string text = refusal.empty() ? "" : "refused: " + refusal;
  if (refusal.empty())
    for (const Part *part : failing())
      text += (text.empty() ? "" : "; ") + std::string(part->name) + ": " + part->reason;
  return text;
}

std::string Outcome::kind() const {
  static const std::regex node("^'[^']*': "), name("'[^']*'"), number("-?\\b[0-9][0-9.e+-]*");
  std::string reason = std::regex_replace(refusal.empty() ? failing().front()->reason : refusal, node, "");
  const size_t kept = reason.rfind("op '", 0) == 0 ? reason.find('\'', 4) + 1 : 0; // an op's name stays
  return stage() + ": " + reason.substr(0, kept) +
         std::regex_replace(std::regex_replace(reason.substr(kept), name, "'...'"), number, "N");
}

} // namespace phic::test
