//===- GraphRuns.cpp - A graph imported, interpreted, compiled -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "test/graphs/GraphRuns.h"
#include "compiler/Compiler.h"
#include "compiler/request/BuildRequest.h"
#include "compiler/verify/Verify.h"
#include "compiler/verify/Weights.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "phi/graph.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <dlfcn.h>

using namespace llvm;

namespace phic::test {

char Refusal::ID = 0;

namespace {

/// The reasons themselves where there are any, one a line, else what is wrong.
std::string textOf(ArrayRef<Finding> findings) {
  std::string text;
  for (const Finding &finding : findings)
    if (finding.severity == mlir::DiagnosticSeverity::Error) {
      if (finding.notes.empty())
        text += finding.message + "\n";
      for (const std::string &note : finding.notes)
        text += note + "\n";
    }
  return text;
}

Signature signatureOf(mlir::func::FuncOp model) {
  Signature signature;
  for (const plan::Binding &binding : plan::bindingsOf(model)) {
    assert(binding.kind != plan::BindingKind::State && "no test has one");
    const bool isInput = binding.kind == plan::BindingKind::Input;
    (isInput ? signature.inputs : signature.results).emplace_back(binding.name, arrayOf(binding.type));
  }
  return signature;
}

/// The test's arrays in the order of the graph's inputs, if they have the types that it was imported with.
Expected<std::vector<NamedArray>> argumentsOf(const Signature &signature, const Named &inputs) {
  std::vector<NamedArray> arguments;
  for (const auto &[name, wanted] : signature.inputs) {
    auto found = inputs.find(name);
    if (found == inputs.end())
      return createStringError("the test has nothing for input '" + name + "'");
    arguments.emplace_back(name, found->second);
    if (const std::string given = typeText(found->second); given != typeText(wanted))
      return createStringError("input '" + name + "' was imported as " + typeText(wanted) + ", the test has " + given);
  }
  return arguments;
}

Results interpret(mlir::ModuleOp module, const Signature &signature, const std::string &folder, const Named &inputs,
                  const std::vector<Finding> &findings) {
  Expected<std::unique_ptr<ModelWeights>> weights = ModelWeights::open(module, folder);
  Expected<std::vector<NamedArray>> arguments = argumentsOf(signature, inputs);
  if (!weights || !arguments)
    return joinErrors(weights.takeError(), arguments.takeError());
  std::vector<Rows> rows;
  for (const auto &[name, array] : *arguments)
    rows.push_back(rowsOf(array));
  mlir::FailureOr<std::vector<Rows>> results = Interpreter(module, **weights).runGraph(std::move(rows));
  if (failed(results))
    return createStringError(StringRef(textOf(findings)).split('\n').first);
  Named named;
  for (auto [result, rows] : zip_equal(signature.results, *results)) {
    Array &array = named[result.first] = result.second;
    setElements(array, rows);
  }
  return named;
}

/// Memory as the library's interface wants it.
class Block {
public:
  explicit Block(uint64_t bytes) : memory(aligned_alloc(64, alignTo(bytes, 64))) {}
  ~Block() { free(memory); }
  Block(const Block &) = delete;
  void *get() const { return memory; }

private:
  void *memory;
};

/// One run in a session of its own.
Error runLibrary(const phi_graph_api &api, ArrayRef<const void *> inputs, ArrayRef<void *> results) {
  phi_error error = {""};
  phi_model *model;
  Block modelBlock(api.model_bytes());
  if (api.model_open(nullptr, modelBlock.get(), api.model_bytes(), &model, &error) != PHI_OK)
    return createStringError(Twine("model_open: ") + error.text);
  phi_session_options options = {};
  options.size = sizeof(options);
  const uint64_t bytes = api.graph_bytes(model, &options);
  Block graphBlock(bytes);
  phi_graph *graph;
  if (api.graph_create(model, &options, graphBlock.get(), bytes, &graph, &error) != PHI_OK)
    return createStringError(Twine("graph_create: ") + error.text);
  const bool isRun = api.run(graph, inputs.data(), results.data(), &error) == PHI_OK;
  api.graph_free(graph);
  api.model_close(model);
  return isRun ? Error::success() : createStringError(Twine("run: ") + error.text);
}

Error runFile(const std::string &library, ArrayRef<NamedArray> inputs, std::vector<NamedArray> &results) {
  void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return createStringError(dlerror());
  using Query = const phi_graph_api *(uint32_t);
  auto *query = reinterpret_cast<Query *>(dlsym(handle, "phi_query_test"));
  std::vector<const void *> given;
  for (const auto &[name, array] : inputs)
    given.push_back(array.data());
  std::vector<void *> taken;
  for (auto &[name, array] : results)
    taken.push_back(array.data());
  Error failure = query ? runLibrary(*query(PHI_GRAPH_VERSION), given, taken) : createStringError("no phi_query_test");
  dlclose(handle);
  return failure;
}

/// What the compiler's log says first; it begins with "phic: error: ".
std::string firstReason(StringRef log) {
  SmallVector<StringRef> lines;
  log.split(lines, '\n', -1, /*KeepEmpty=*/false);
  auto after = [&](StringRef start) {
    auto *line = find_if(lines, [&](StringRef line) { return line.starts_with(start); });
    return line == lines.end() ? "" : line->drop_front(start.size()).str();
  };
  std::string note = after("phic: note: ");
  return note.empty() ? after("phic: error: ") : note;
}

} // namespace

Expected<ImportedGraph> importGraph(const Options &options, const Named &inputs) {
  Expected<BuildRequest> request = resolveCheck(options);
  if (!request)
    return request.takeError();
  std::optional<ImportedGraph> imported;
  PhaseObserver observer;
  observer.last = Phase::Import;
  observer.after = [&](Phase, llvm::ArrayRef<mlir::ModuleOp> modules) {
    mlir::ModuleOp module = modules.front();
    Signature signature = signatureOf(modelFunction(module));
    Results meant =
        interpret(module, signature, sys::path::parent_path(options.model).str(), inputs, observer.findings);
    imported.emplace(ImportedGraph{std::move(signature), std::move(meant)});
  };
  if (observe(*request, observer) != kExitSuccess || !imported)
    return make_error<Refusal>(textOf(observer.findings));
  return std::move(*imported);
}

/// As a user would, into `options.output`.
static Error build(const Options &options) {
  std::string log;
  raw_string_ostream os(log);
  return compile(options, os) == kExitSuccess ? Error::success() : createStringError("phic build: " + firstReason(log));
}

Results runCompiled(Options options, const Signature &signature, const Named &inputs, const std::string &folder) {
  const bool isLibrary = options.emit.front() == EmitKind::Shared;
  options.output = folder + (isLibrary ? "/libtest.so" : "/program");
  options.name = isLibrary ? "test" : "";
  options.quiet = true;
  if (Error failure = build(options))
    return std::move(failure);
  Expected<std::vector<NamedArray>> arguments = argumentsOf(signature, inputs);
  if (!arguments)
    return arguments.takeError();
  std::vector<NamedArray> results = signature.results;
  if (Error failure =
          isLibrary ? runFile(options.output, *arguments, results) : runProgram(options, *arguments, results))
    return std::move(failure);
  Named named;
  for (auto &[name, array] : results)
    named[name] = std::move(array);
  return named;
}

Error verifyCompiled(Options options, const std::string &folder) {
  options.emit = {EmitKind::Exe};
  options.output = folder + "/verified";
  options.quiet = true;
  if (Error failure = build(options))
    return failure;
  VerifyOptions wanted;
  wanted.program = options.output;
  wanted.threads = 1;
  Expected<VerifyReport> report = verifyProgram(wanted, PluginRegistry());
  if (!report)
    return report.takeError();
  if (report->diverging < 0)
    return Error::success();
  return createStringError("stage '" + report->stages[size_t(report->diverging)].name + "' is not within its bound");
}

} // namespace phic::test
