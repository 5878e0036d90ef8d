//===- phic-interpret.cpp - A model by the interpreter ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A developer's tool: runs a model, or the IR after a phase, by the slow meaning of
// its ops, and writes the logits. Its difference from a golden file is the
// importer's and the passes' error; the kernels' is left to `phic verify`.
//===----------------------------------------------------------------------===//
#include "compiler/Dialects.h"
#include "compiler/Pipeline.h"
#include "compiler/cache/CompilerFiles.h"
#include "compiler/files/Console.h"
#include "compiler/files/InputFile.h"
#include "compiler/files/Npy.h"
#include "compiler/files/OutputFile.h"
#include "compiler/import/Importer.h"
#include "compiler/messages/Diagnostics.h"
#include "compiler/tools/Choice.h"
#include "compiler/tools/CompileFlags.h"
#include "compiler/tools/ToolMain.h"
#include "compiler/verify/Weights.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/phiq/RowOps.h"
#include "mlir/Parser/Parser.h"
#include "targets/Backend.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include <CLI/CLI.hpp>
#include <sstream>

using namespace phic;

namespace {

struct Flags {
  Options options;
  std::string tokens, tokensFile, logits, phase = "quantize";
  int64_t step = 0;
};

ExitCode fail(ExitCode code, const llvm::Twine &message) {
  messages() << "phic-interpret: error: " << message << "\n";
  return code;
}

std::optional<std::vector<int32_t>> readTokens(const Flags &flags) {
  std::string text = flags.tokens;
  if (!flags.tokensFile.empty()) {
    auto file = readInput(flags.tokensFile);
    if (!file)
      return llvm::consumeError(file.takeError()), std::nullopt;
    text = (*file)->getBuffer().trim().str();
  }
  std::vector<int32_t> tokens;
  llvm::SmallVector<llvm::StringRef> words;
  llvm::StringRef(text).split(words, ',');
  for (llvm::StringRef word : words)
    if (word.trim().getAsInteger(10, tokens.emplace_back()))
      return std::nullopt;
  return tokens;
}

llvm::Error writeLogits(const std::string &path, const Rows &logits, OutputFiles &planned) {
  std::string bytes = npyHeader("<f4", {int64_t(logits.values.size()) / logits.columns, logits.columns});
  bytes.append(reinterpret_cast<const char *>(logits.values.data()), logits.values.size() * sizeof(float));
  return writeWhole(path, bytes, planned);
}

mlir::OwningOpRef<mlir::ModuleOp> load(mlir::MLIRContext &context, const Options &options, InputFiles &inputs,
                                       ModelPath &model, NoModel &why) {
  if (llvm::StringRef(options.model).ends_with(".mlir")) {
    std::optional<ModelPath> found = findModelOfIr(options.model, options.modelDirectory, why);
    if (!found)
      return {};
    model = *found;
    inputs.look(options.model);
    auto text = readInput(options.model, kMostIrBytes);
    if (!text)
      return why.reason = llvm::toString(text.takeError()), nullptr;
    return mlir::parseSourceString<mlir::ModuleOp>((*text)->getBuffer(), &context, options.model);
  }
  std::optional<ModelPath> found = findModel(options.model, why);
  if (!found)
    return {};
  model = *found;
  inputs.look(model.file);
  ImportOptions wanted;
  wanted.maxContext = options.maxContext;
  wanted.inputs = &inputs;
  return model.importer->read(context, model, wanted);
}

/// Phases up to the one named; IR from a file is taken as it is.
bool runPhases(mlir::ModuleOp module, const Flags &flags) {
  if (llvm::StringRef(flags.options.model).ends_with(".mlir"))
    return true;
  mlir::PassManager passes(module.getContext());
  for (int phase = int(Phase::Canonicalize); phase <= int(*phaseByName(flags.phase)); ++phase)
    addPhase(passes, Phase(phase), flags.options, hostBackend().levels());
  return mlir::succeeded(passes.run(module));
}

bool takesIds(mlir::ModuleOp module) {
  mlir::func::FuncOp model = modelFunction(module);
  return model && llvm::any_of(model.getArgumentTypes(), [](mlir::Type type) {
           auto ids = llvm::dyn_cast<mlir::RankedTensorType>(type);
           return ids && ids.getRank() == 1 && ids.isDynamicDim(0) && ids.getElementType().isInteger(32);
         });
}

/// The logits of all tokens, `step` of them at a time.
bool interpret(mlir::ModuleOp module, WeightSource &weights, llvm::ArrayRef<int32_t> tokens, int64_t step,
               Rows &logits) {
  Interpreter interpreter(module, weights);
  SessionState session;
  session.total = int64_t(tokens.size());
  while (!tokens.empty()) {
    size_t count = step > 0 ? std::min(size_t(step), tokens.size()) : tokens.size();
    mlir::FailureOr<Rows> rows = interpreter.runModel(tokens.take_front(count), session);
    if (failed(rows))
      return false;
    logits.columns = rows->columns;
    logits.values.insert(logits.values.end(), rows->values.begin(), rows->values.end());
    tokens = tokens.drop_front(count);
  }
  return true;
}

ExitCode run(const Flags &flags) {
  std::optional<std::vector<int32_t>> tokens = readTokens(flags);
  if (!tokens)
    return fail(kExitUsage, "--tokens takes a list such as 1,2,3");
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  DiagnosticPrinter diagnostics(&context, messages(), {.remarks = false});
  InputFiles inputs;
  ModelPath model;
  NoModel why;
  mlir::OwningOpRef<mlir::ModuleOp> module = load(context, flags.options, inputs, model, why);
  if (!module)
    return why.reason.empty() ? kExitModel : fail(why.isThere ? kExitModel : kExitUsage, why.reason);
  if (!takesIds(*module))
    return fail(kExitUsage,
                flags.options.model + " takes no token ids; phic verify compares its program with its meaning");
  if (!runPhases(*module, flags))
    return kExitModel;
  if (auto files = (*module)->getAttrOfType<mlir::ArrayAttr>(phiq::PhiqDialect::kFiles))
    for (auto file : files.getAsRange<mlir::StringAttr>())
      inputs.look(model.directory + "/" + file.getValue());
  if (!flags.tokensFile.empty())
    inputs.look(flags.tokensFile);
  OutputFiles planned(inputs, filesOfPhic());
  if (llvm::Error clash = planned.plan(flags.logits)) // before the interpreter, which takes long
    return fail(kExitUsage, llvm::toString(std::move(clash)));
  auto weights = ModelWeights::open(*module, model.directory);
  if (!weights)
    return fail(kExitModel, llvm::toString(weights.takeError()));
  Rows logits;
  if (!interpret(*module, **weights, *tokens, flags.step, logits))
    return kExitModel;
  if (llvm::Error failure = writeLogits(flags.logits, logits, planned))
    return fail(kExitUsage, llvm::toString(std::move(failure)));
  return kExitSuccess;
}

int interpretArguments(int argc, char **argv) {
  CLI::App app("phic-interpret runs a model by the meaning of its ops and writes the logits", "phic-interpret");
  Flags flags;
  app.add_option("MODEL", flags.options.model, "a model as for phic build, or IR (.mlir)")->required();
  auto *tokens = app.add_option("--tokens", flags.tokens, "token ids, 1,2,3");
  app.add_option("--tokens-file", flags.tokensFile, "the same from a file")->excludes(tokens);
  app.add_option("--logits", flags.logits, "write float32 [tokens, vocabulary] as a .npy file")->required();
  takesNumber(app.add_option("--step", flags.step, "tokens of one step, 0 for all at once"), 0, int64_t(1) << 24);
  takesOneOf(app.add_option("--phase", flags.phase, "run the phases up to this one first"),
             {"import", "canonicalize", "quantize", "precision", "fuse", "layout"})
      ->capture_default_str();
  addPrecisionFlags(app, flags.options); // from the precision phase on
  app.add_option("--max-context", flags.options.maxContext, "as phic build")->capture_default_str();
  app.add_option("--model-dir", flags.options.modelDirectory, "folder of the weight files of an .mlir");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    std::ostringstream help, mistake;
    const int code = app.exit(error, help, mistake);
    reports() << help.str();
    messages() << mistake.str();
    return code;
  }
  return run(flags);
}

} // namespace

int main(int argc, char **argv) { return runTool("phic-interpret", argc, argv, interpretArguments); }
