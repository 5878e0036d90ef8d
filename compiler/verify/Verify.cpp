//===- Verify.cpp - A program against its own meaning ----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/verify/Verify.h"
#include "compiler/Plugin.h"
#include "compiler/import/ModelPath.h"
#include "compiler/messages/Progress.h"
#include "compiler/verify/Emulator.h"
#include "compiler/verify/GraphInputs.h"
#include "compiler/verify/OpenedProgram.h"
#include "compiler/verify/StageReader.h"
#include "compiler/verify/TestPrompt.h"
#include "compiler/verify/Weights.h"
#include "dialects/phiq/Phiq.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>

using namespace llvm;

namespace phic {
namespace {

Error error(const Twine &message) { return createStringError(inconvertibleErrorCode(), message); }

//===----------------------------------------------------------------------===//
// The program's own description
//===----------------------------------------------------------------------===//

/// A program with the weights in its segment.
struct Subject {
  std::unique_ptr<OpenedProgram> opened;
  std::unique_ptr<PackedWeights> weights;

  mlir::ModuleOp module() const { return *opened->module; }
  const phi_model &model() const { return opened->program.model(); }
};

Expected<Subject> openSubject(const VerifyOptions &options, const PluginRegistry &plugins) {
  auto opened = openProgram(options.program, "verify", plugins, options.device);
  if (!opened)
    return opened.takeError();
  if (Error damaged = (*opened)->program.verifyWeights())
    return std::move(damaged);
  auto weights = PackedWeights::open(*(*opened)->module, (*opened)->weights);
  if (!weights)
    return weights.takeError();
  return Subject{std::move(*opened), std::move(*weights)};
}

/// Compares the packed weights with the files of the model.
Error checkPacking(Subject &subject, const std::string &path, const PluginRegistry &plugins) {
  NoModel why;
  std::optional<ModelPath> model = findModel(path, why, plugins.importers());
  if (!model)
    return error(why.reason);
  auto weights = ModelWeights::open(subject.module(), model->directory);
  if (!weights)
    return weights.takeError();
  return comparePacking(subject.module(), *subject.weights, **weights);
}

//===----------------------------------------------------------------------===//
// One run
//===----------------------------------------------------------------------===//

class Run {
public:
  /// `seen` is called after every stage of every step.
  Run(Subject &subject, VerifyReport &report, llvm::function_ref<void()> seen)
      : subject(subject), report(report), seen(seen), interpreter(subject.module(), *subject.weights, /*bounds=*/true) {
  }

  /// Follows the program to its end, or to the first divergence.
  Error follow(StageReader &stream);

private:
  Error checkStage(const StageReader::Stage &record, const StageReader::Step &step);
  Error readInputs(const StageReader::Step &step);
  std::vector<Datum> inputsOf(plan::StageOp stage);
  Error checkResults(plan::StageOp stage, const StageReader::Stage &record, const StageReader::Step &step,
                     ArrayRef<Rows> expected);
  Error checkCaches(plan::StageOp stage, const StageReader::Stage &record, const StageReader::Step &step,
                    StringMap<CacheState> &before);
  void judge(uint32_t stage, const Twine &output, const Divergence &worst);

  Subject &subject;
  VerifyReport &report;
  llvm::function_ref<void()> seen;
  const Backend &backend = backendOf(subject.module());
  Interpreter interpreter;
  SessionState session;                            ///< its caches are what the program stored
  llvm::DenseMap<mlir::Value, Rows> values;        ///< results of stages, as the program stored them
  std::map<unsigned, Datum> arguments;             ///< by slot: what the step reads
  int64_t context = 0;
};

/// Inputs, and states but KV caches: what a step begins with.
SmallVector<plan::Binding> readBindings(mlir::ModuleOp module) {
  SmallVector<plan::Binding> read = plan::bindingsOf(modelFunction(module));
  llvm::erase_if(read, [](const plan::Binding &b) { return b.kind == plan::BindingKind::Result || !b.type; });
  return read;
}

Error Run::follow(StageReader &stream) {
  context = stream.context();
  while (true) {
    Expected<std::optional<StageReader::Step>> step = stream.nextStep();
    if (!step)
      return step.takeError();
    if (!*step)
      return stream.finish();
    if (Error failure = readInputs(**step))
      return failure;
    for (uint32_t i = 0; i < subject.opened->stages.size(); ++i) {
      Expected<StageReader::Stage> record = stream.nextStage();
      if (!record)
        return record.takeError();
      if (record->index != i)
        return error("the program ran stage " + Twine(record->index) + " where stage " + Twine(i) + " is planned");
      if (Error failure = checkStage(*record, **step))
        return failure;
      if (report.diverging >= 0)
        return Error::success();
      seen();
    }
    ++report.steps;
  }
}

Error Run::readInputs(const StageReader::Step &step) {
  for (auto [binding, bytes] : llvm::zip_equal(readBindings(subject.module()), step.inputs)) {
    Expected<Datum> datum = datumFromBytes(binding.type, backendOf(subject.module()), bytes);
    if (!datum)
      return error("input '" + binding.name + "': " + toString(datum.takeError()));
    for (int32_t id : datum->ids)
      if (id < 0 || uint32_t(id) >= subject.model().vocab)
        return error("input '" + binding.name + "' has a token outside the vocabulary");
    arguments[binding.slot] = std::move(*datum);
  }
  return Error::success();
}

std::vector<Datum> Run::inputsOf(plan::StageOp stage) {
  std::vector<Datum> inputs;
  for (mlir::Value input : stage.getInputs()) {
    Datum datum;
    mlir::Operation *source = input.getDefiningOp();
    if (!source)
      datum = arguments[plan::slotOfArgument(cast<mlir::BlockArgument>(input))];
    else if (isa<plan::StageOp>(source))
      datum.rows = values[input];
    else
      datum.weight = source;
    inputs.push_back(std::move(datum));
  }
  return inputs;
}

Error Run::checkStage(const StageReader::Stage &record, const StageReader::Step &step) {
  plan::StageOp stage = subject.opened->stages[record.index];
  session.past = step.facts.past;
  session.total = step.facts.total;
  session.logitRow0 = step.facts.logit_row0;
  auto appends = stage.getBody().getOps<phiq::CacheAppendOp>();
  auto appendCount = size_t(std::distance(appends.begin(), appends.end()));
  if (record.outputs.size() != stage.getNumResults() + 2 * appendCount)
    return error("stage '" + stage.getName() + "' wrote " + Twine(record.outputs.size()) + " buffers, " +
                 Twine(stage.getNumResults() + 2 * appendCount) + " are planned");
  StringMap<CacheState> before;
  if (appendCount > 0)
    before = session.caches;
  mlir::FailureOr<std::vector<Rows>> expected = interpreter.runStage(stage, inputsOf(stage), session);
  if (failed(expected))
    return error("stage '" + stage.getName() + "' cannot be interpreted");
  if (Error failure = checkResults(stage, record, step, *expected))
    return failure;
  return checkCaches(stage, record, step, before);
}

Error Run::checkResults(plan::StageOp stage, const StageReader::Stage &record, const StageReader::Step &step,
                        ArrayRef<Rows> expected) {
  const int64_t chosen = stage->hasAttr("logit_rows") ? step.facts.rows - step.facts.logit_row0 : step.facts.rows;
  const int64_t rows = plan::fixedRowsOf(stage).value_or(chosen);
  for (unsigned i = 0; i < stage.getNumResults(); ++i) {
    auto buffer = cast<plan::BufferAttr>((*stage.getBuffers())[i]);
    auto type = cast<mlir::RankedTensorType>(stage.getResult(i).getType());
    Expected<StoredRows> got = rowsFromBytes(type, backend, record.outputs[i], rows, int64_t(buffer.getRowBytes()));
    if (!got)
      return error("stage '" + stage.getName() + "': " + toString(got.takeError()));
    judge(record.index, "result " + Twine(i), compareRows(*got, expected[i]));
    values[stage.getResult(i)] = std::move(got->rows);
  }
  return Error::success();
}

/// Compares what was appended, and takes over what the program has in its caches.
Error Run::checkCaches(plan::StageOp stage, const StageReader::Stage &record, const StageReader::Step &step,
                       StringMap<CacheState> &before) {
  const int64_t past = step.facts.past, positions = past + step.facts.rows;
  size_t next = stage.getNumResults();
  for (auto append : stage.getBody().getOps<phiq::CacheAppendOp>()) {
    CacheState &cache = session.caches[append.getCache()];
    auto layout = subject.opened->module->lookupSymbol<phiq::CacheOp>(append.getCache())
                      ->getAttrOfType<plan::CacheLayoutAttr>(plan::PlanDialect::kCacheLayout);
    Expected<Rows> keys = keysFromBytes(cache, layout, record.outputs[next++], context, positions);
    if (!keys)
      return keys.takeError();
    Expected<Rows> stored = valuesFromBytes(cache, layout, record.outputs[next++], context, positions);
    if (!stored)
      return stored.takeError();
    const CacheState &old = before[append.getCache()];
    const bool isHalf = cache.element != Scalar::F32;
    judge(record.index, "keys of " + append.getCache(), compareCache(*keys, cache.keys, old.keys, past, isHalf));
    judge(record.index, "values of " + append.getCache(),
          compareCache(*stored, cache.values, old.values, past, isHalf));
    cache.keys = std::move(*keys);
    cache.values = std::move(*stored);
  }
  return Error::success();
}

void Run::judge(uint32_t stage, const Twine &output, const Divergence &worst) {
  StageVerdict &verdict = report.stages[stage];
  if (verdict.output.empty() || worst.ratio > verdict.worst.ratio) {
    verdict.output = output.str();
    verdict.step = report.steps;
    verdict.worst = worst;
  }
  // `ratio` is not above 1 for a NaN.
  if (!(worst.ratio <= 1) && report.diverging < 0)
    report.diverging = stage;
}

//===----------------------------------------------------------------------===//
// What to run
//===----------------------------------------------------------------------===//

/// One prompt for `prefill`, one for `verify` (each followed by `decode`), and one that is just long enough for the
/// long rope tables, where the model has them within reach.
std::vector<std::vector<int32_t>> promptsFor(const phi_model &model, const VerifyOptions &options) {
  if (!options.tokens.empty())
    return {options.tokens};
  constexpr int64_t kPrefillRows = 19, kVerifyRows = 5, kLongestSwitch = 256;
  std::vector<int64_t> lengths = {kPrefillRows, kVerifyRows};
  if (model.rope_switch > 0 && model.rope_switch <= kLongestSwitch)
    lengths.push_back(int64_t(model.rope_switch) + 1);
  std::vector<std::vector<int32_t>> prompts;
  for (int64_t length : lengths)
    prompts.push_back(makePrompt(std::min(length, int64_t(model.context_max) - options.generate), model.vocab));
  return prompts;
}

/// Steps that a program makes of the prompts: chunks of each, and one for every token but the last.
int64_t stepCount(const std::vector<std::vector<int32_t>> &prompts, const ProgramPlan &plan,
                  const VerifyOptions &options) {
  const int64_t chunk = plan.chunkRows;
  int64_t steps = 0;
  for (const std::vector<int32_t> &tokens : prompts)
    steps += (int64_t(tokens.size()) + chunk - 1) / chunk + std::max<int64_t>(options.generate - 1, 0);
  return steps;
}

/// Removes itself.
struct TemporaryFile {
  ~TemporaryFile() { sys::fs::remove(path); }
  SmallString<128> path;
};

/// Which code runs, and where.
struct Launch {
  std::string variant;               ///< empty: as the program chooses
  std::string chosen;                ///< what that will be, where phic knows
  std::optional<Emulator> emulator;
};

/// Whether the program is to be started as it is: on this machine and its devices, or for another architecture, in its
/// emulator, whose processor and levels phic does not know.
bool startsAsItIs(const Backend &backend, const std::string &variant) {
  const Target *level = levelByName(backend, variant);
  return !level || !Emulator::plays(*level) || backend.runsHere(*level);
}

/// The best that runs here; empty where an emulator's processor decides.
std::string chosenHere(const Backend &backend, const std::vector<std::string> &cpuVariants) {
  if (cpuVariants.size() == 1)
    return cpuVariants.front();
  auto best = llvm::find_if(cpuVariants, [&](const std::string &variant) {
    const Target *level = levelByName(backend, variant);
    return level && backend.runsHere(*level);
  });
  return best == cpuVariants.end() ? "" : *best;
}

Expected<Launch> launchFor(const OpenedProgram &opened, const VerifyOptions &options) {
  const Backend &backend = backendOf(*opened.module);
  const std::vector<std::string> &cpuVariants = opened.cpuVariants;
  auto startsHere = [&](const std::string &variant) { return startsAsItIs(backend, variant); };
  Launch launch{options.cpuVariant, options.cpuVariant, std::nullopt};
  if (launch.variant.empty()) {
    launch.chosen = chosenHere(backend, cpuVariants);
    if (cpuVariants.empty() || llvm::any_of(cpuVariants, startsHere))
      return launch;
    // The program would take the best; of those of processors the least is the soonest done.
    const bool isHost = &backend == &hostBackend();
    launch.variant = launch.chosen = isHost ? cpuVariants.back() : cpuVariants.front();
  }
  if (!llvm::is_contained(cpuVariants, launch.variant))
    return createStringError(std::make_error_code(std::errc::invalid_argument),
                             "--cpu-variant=" + launch.variant + " is not in " + options.program + "; it has " +
                                 llvm::join(cpuVariants, ", "));
  if (startsHere(launch.variant))
    return launch;
  Expected<Emulator> emulator = Emulator::find(*levelByName(backend, launch.variant));
  if (!emulator)
    return emulator.takeError();
  launch.emulator = std::move(*emulator);
  return launch;
}

/// Runs the program with these arguments, and follows it.
Error runWith(Subject &subject, const VerifyOptions &options, const Launch &launch, std::vector<std::string> arguments,
              VerifyReport &report, llvm::function_ref<void()> seen) {
  const bool isOneThread = launch.emulator && launch.emulator->isMachine();
  arguments.insert(arguments.end(), {"--threads", std::to_string(isOneThread ? 1 : options.threads), "--device",
                                     subject.opened->plan.device});
  if (!launch.variant.empty())
    arguments.insert(arguments.end(), {"--cpu-variant", launch.variant});
  auto stream = StageReader::run(options.program, arguments, subject.opened->plan,
                                 readBindings(subject.module()).size(), launch.emulator ? &*launch.emulator : nullptr);
  if (!stream)
    return stream.takeError();
  return Run(subject, report, seen).follow(**stream);
}

Error runPrompt(Subject &subject, const VerifyOptions &options, const Launch &launch,
                const std::vector<int32_t> &tokens, VerifyReport &report, llvm::function_ref<void()> seen) {
  // With --logits the program computes those of every row.
  TemporaryFile logits;
  if (std::error_code code = sys::fs::createTemporaryFile("phic-verify", "npy", logits.path))
    return error("cannot make a temporary file: " + code.message());
  const int64_t generate = options.generate;
  return runWith(subject, options, launch,
                 {"--tokens", tokensText(tokens), "--logits", logits.path.str().str(), "--ctx",
                  std::to_string(int64_t(tokens.size()) + std::max<int64_t>(generate, 1)), "--temp", "0", "-n",
                  std::to_string(generate), "--ignore-eos"},
                 report, seen);
}

Error runPrompts(Subject &subject, const VerifyOptions &options, const Launch &launch, VerifyReport &report) {
  const std::vector<std::vector<int32_t>> prompts = promptsFor(subject.model(), options);
  Progress progress("verifying", uint64_t(stepCount(prompts, subject.opened->plan, options)) * report.stages.size());
  uint64_t stages = 0;
  for (const std::vector<int32_t> &tokens : prompts) {
    if (Error failure = runPrompt(subject, options, launch, tokens, report, [&] { progress(++stages); }))
      return failure;
    if (report.diverging >= 0)
      break;
  }
  return Error::success();
}

/// A graph on numbers of our own, a few runs in one session: states are not zero then.
Error runGraph(Subject &subject, const VerifyOptions &options, const Launch &launch, VerifyReport &report) {
  constexpr int64_t kRuns = 3;
  if (!options.tokens.empty())
    return error("--tokens: " + Twine(options.program) + " is of a graph that takes no tokens");
  Expected<GraphInputs> inputs = GraphInputs::create(plan::bindingsOf(modelFunction(subject.module())), kRuns);
  if (!inputs)
    return inputs.takeError();
  Progress progress("verifying", uint64_t(kRuns) * report.stages.size());
  uint64_t stages = 0;
  return runWith(subject, options, launch, inputs->arguments(), report, [&] { progress(++stages); });
}

} // namespace

Expected<VerifyReport> verifyProgram(const VerifyOptions &options, const PluginRegistry &plugins) {
  auto subject = openSubject(options, plugins);
  if (!subject)
    return subject.takeError();
  if (!options.model.empty())
    if (Error wrong = checkPacking(*subject, options.model, plugins))
      return std::move(wrong);
  Expected<Launch> launch = launchFor(*subject->opened, options);
  if (!launch)
    return launch.takeError();
  VerifyReport report;
  report.cpuVariant = launch->chosen;
  report.emulated = launch->emulator.has_value();
  for (plan::StageOp stage : subject->opened->stages)
    report.stages.push_back({stage.getName().str(), "", 0, {}});
  const bool hasSteps = plan::hasSteps(modelFunction(subject->module()));
  if (Error failure =
          hasSteps ? runPrompts(*subject, options, *launch, report) : runGraph(*subject, options, *launch, report))
    return std::move(failure);
  return report;
}

//===----------------------------------------------------------------------===//
// The verb
//===----------------------------------------------------------------------===//

namespace {

std::string describe(const StageVerdict &verdict) {
  const Divergence &worst = verdict.worst;
  return formatv("{0}, {1} at row {2}, column {3}: got {4}, expected {5}, bound {6}", verdict.output, worst.what,
                 worst.row, worst.column, format("%.9g", worst.got), format("%.9g", worst.expected),
                 format("%.3g", worst.bound))
      .str();
}

} // namespace

ExitCode verify(const VerifyOptions &options, raw_ostream &os, raw_ostream &log) {
  std::optional<PluginRegistry> plugins = loadPlugins(options.plugins, log);
  if (!plugins)
    return kExitUsage;
  Expected<VerifyReport> report = verifyProgram(options, *plugins);
  if (!report)
    return tellFailure(report.takeError(), log);
  const std::string code =
      report->cpuVariant.empty() ? "" : " of " + report->cpuVariant + (report->emulated ? ", emulated" : "");
  const StageVerdict *closest = nullptr;
  for (const StageVerdict &stage : report->stages) {
    if (options.listStages && !stage.output.empty())
      os << formatv("{0,-40} {1} of the bound  {2}\n", stage.name, format("%8.4f", stage.worst.ratio), describe(stage));
    if (!closest || stage.worst.ratio > closest->worst.ratio)
      closest = &stage;
  }
  if (report->diverging >= 0) {
    const StageVerdict &stage = report->stages[size_t(report->diverging)];
    log << "phic: error: stage '" << stage.name << "' diverges from its meaning in step " << stage.step << code << ": "
        << describe(stage) << "\n";
    return kExitInternal;
  }
  os << formatv("{0}: {1} stages, {2} steps{5}, every value within its bound; closest is stage '{3}' at {4} of it\n",
                options.program, report->stages.size(), report->steps, closest ? closest->name : "",
                format("%.3f", closest ? closest->worst.ratio : 0.0), code);
  return kExitSuccess;
}

} // namespace phic
