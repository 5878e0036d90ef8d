//===- Bench.cpp - How fast a program is, beside the limits ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/bench/Bench.h"
#include "compiler/Plugin.h"
#include "compiler/bench/Median.h"
#include "compiler/bench/ProgramRuns.h"
#include "compiler/messages/Progress.h"
#include "compiler/verify/GraphInputs.h"
#include "compiler/verify/OpenedProgram.h"
#include "dialects/phiq/Grid.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "targets/Backend.h"
#include "llvm/Support/raw_ostream.h"
#include <map>

using namespace llvm;

namespace phic {
namespace {

constexpr int64_t kPromptTokens = 512, kDecodeTokens = 128;
/// How long the runs of a graph in one session take about, how many there are at most, and what their inputs take.
constexpr double kSessionSeconds = 0.5;
constexpr int64_t kMostRuns = 100, kMostInputBytes = int64_t(1) << 25;

StepShape shapeOf(const phi_stream_step &step) { return {step.rows, step.past, step.rows - step.logit_row0}; }

/// A limit is the most that was seen.
MachineRates better(const MachineRates &a, const MachineRates &b) {
  MachineRates most = a;
  most.bytesPerSecond = std::max(a.bytesPerSecond, b.bytesPerSecond);
  most.integerPerSecond = std::max(a.integerPerSecond, b.integerPerSecond);
  most.realPerSecond = std::max(a.realPerSecond, b.realPerSecond);
  return most;
}

class Bench {
public:
  Bench(const BenchOptions &options, const PluginRegistry &plugins) : options(options), plugins(plugins) {}
  Expected<BenchReport> run();

private:
  Error open();
  Error needDevice() const;
  Error openGeneration();
  Error openGraph();
  bool isGraph() const { return report.graph.has_value(); }
  Error giveInputs(int64_t count);
  Error runOften(Progress &progress);
  void addRun(const RunStats &stats);
  void measureLimits();
  std::vector<StageTime> stageTimes(const std::vector<TimedStep> &steps, const StepShape &shape) const;
  void fillGraph(const std::vector<TimedStep> &steps);
  void fillGeneration(const std::vector<TimedStep> &steps);
  void fillEntry(EntryReport &entry, const std::vector<TimedStep> &steps, const std::vector<int64_t> &sequence);

  const BenchOptions &options;
  const PluginRegistry &plugins;
  std::unique_ptr<OpenedProgram> opened;
  std::vector<StageCost> costs;
  std::optional<GraphInputs> inputs;
  ProgramRuns runs;
  BenchReport report;
};

Error Bench::open() {
  auto program = openProgram(options.program, "bench", plugins, options.device);
  if (!program)
    return program.takeError();
  opened = std::move(*program);
  if (Error missing = needDevice())
    return missing;
  costs = stageCosts(*opened->module);
  runs = {options.program, opened->plan, {}, options.threads};
  return plan::hasSteps(modelFunction(*opened->module)) ? openGeneration() : openGraph();
}

/// The times of a processor's emulator show what a run says; those of a device's are nobody's.
Error Bench::needDevice() const {
  const Backend &backend = backendOf(*opened->module);
  auto runs = [&](const std::string &variant) {
    const Target *level = levelByName(backend, variant);
    return level && backend.runsHere(*level);
  };
  if (&backend == &hostBackend() || llvm::any_of(opened->cpuVariants, runs))
    return Error::success();
  return createStringError(std::make_error_code(std::errc::invalid_argument),
                           "--device=" + backend.family() + ": this machine has none that runs " + options.program +
                               ", and an emulator has no speed to measure");
}

Error Bench::openGeneration() {
  report.decodeTokens = options.decodeTokens ? options.decodeTokens : kDecodeTokens;
  const phi_model &model = opened->program.model();
  // The last token generated needs no place of its own.
  const int64_t most = int64_t(model.context_max) - report.decodeTokens + 1;
  report.promptTokens = options.promptTokens ? options.promptTokens : std::min(kPromptTokens, most);
  if (report.promptTokens < 1 || report.promptTokens > most)
    return createStringError(
        std::make_error_code(std::errc::invalid_argument),
        "-n " + Twine(report.decodeTokens) + " after a prompt of " + Twine(std::max<int64_t>(report.promptTokens, 1)) +
            " tokens does not fit into the program's context of " + Twine(model.context_max) + " tokens");
  runs.work = generationWork(opened->plan, report.promptTokens, report.decodeTokens);
  return Error::success();
}

/// As many runs in a session as fill some time: a single one finds nothing in any cache.
Error Bench::openGraph() {
  if (const char *flag = options.promptTokens ? "--prompt-tokens" : options.decodeTokens ? "-n" : nullptr)
    return createStringError(std::make_error_code(std::errc::invalid_argument),
                             Twine(flag) + ": " + options.program + " is of a graph that takes no tokens");
  report.graph.emplace();
  if (Error failure = giveInputs(1))
    return failure;
  Expected<RunStats> once = runs.run();
  if (!once)
    return once.takeError();
  int64_t inputBytes = 0;
  for (const plan::Binding &binding : plan::bindingsOf(modelFunction(*opened->module)))
    if (binding.kind == plan::BindingKind::Input)
      inputBytes += binding.type.getNumElements() * elementBytes(binding.type.getElementType());
  if (inputBytes == 0) // no file says how many runs there are
    return Error::success();
  const int64_t fitting = std::min(int64_t(kSessionSeconds / once->runSeconds), kMostInputBytes / inputBytes);
  return giveInputs(std::clamp<int64_t>(fitting, 2, kMostRuns));
}

Error Bench::giveInputs(int64_t count) {
  inputs.reset();
  Expected<GraphInputs> made = GraphInputs::create(plan::bindingsOf(modelFunction(*opened->module)), count);
  if (!made)
    return made.takeError();
  inputs.emplace(std::move(*made));
  runs.work = inputs->arguments();
  return Error::success();
}

Error Bench::runOften(Progress &progress) {
  std::vector<double> load, first;
  for (int i = 0; i < options.repetitions; ++i) {
    Expected<RunStats> stats = runs.run();
    if (!stats)
      return stats.takeError();
    report.model = stats->model;
    report.cpuVariant = stats->cpuVariant;
    report.threads = stats->threads;
    report.peakBytes = std::max(report.peakBytes, stats->peakBytes);
    addRun(*stats);
    load.push_back(stats->loadSeconds);
    first.push_back(isGraph() ? stats->loadSeconds + stats->firstRunSeconds : stats->firstTokenSeconds);
    progress(uint64_t(i) + 1);
  }
  report.loadSeconds = medianOf(load);
  report.firstSeconds = medianOf(first);
  return Error::success();
}

void Bench::addRun(const RunStats &stats) {
  if (isGraph()) {
    report.graph->runs = stats.runs;
    report.graph->seconds.push_back(stats.warmSeconds());
    return;
  }
  report.prefill.tokensPerSecond.values.push_back(double(stats.prefillTokens) / stats.prefillSeconds);
  report.decode.tokensPerSecond.values.push_back(double(stats.decodeTokens) / stats.decodeSeconds);
}

void Bench::measureLimits() {
  const Backend &backend = backendOf(*opened->module);
  std::optional<MachineRates> machine;
  if (const Target *level = levelByName(backend, report.cpuVariant))
    machine = backend.measure(*level, report.threads, opened->weights.size());
  report.machine = machine && report.machine ? better(*machine, *report.machine) : machine;
}

/// By the median over `steps`, at that shape.
std::vector<StageTime> Bench::stageTimes(const std::vector<TimedStep> &steps, const StepShape &shape) const {
  std::vector<StageTime> times;
  for (size_t stage = 0; stage < costs.size(); ++stage) {
    std::vector<double> seconds;
    for (const TimedStep &step : steps)
      seconds.push_back(double(step.nanoseconds[stage]) / 1e9);
    StageTime time{costs[stage].name, medianOf(seconds), costs[stage].bytes(shape), costs[stage].mulAdds(shape)};
    time.leastSeconds = report.machine ? costs[stage].leastSeconds(*report.machine, shape) : 0;
    times.push_back(std::move(time));
  }
  return times;
}

/// All steps of a graph are alike.
void Bench::fillGraph(const std::vector<TimedStep> &steps) {
  constexpr StepShape kRun{1, 0, 1};
  report.graph->stages = stageTimes(steps, kRun);
  for (const StageTime &stage : report.graph->stages)
    report.graph->leastSeconds += stage.leastSeconds;
}

/// Stages at the middle step's shape; the limit of the whole sequence of steps.
void Bench::fillEntry(EntryReport &entry, const std::vector<TimedStep> &steps, const std::vector<int64_t> &sequence) {
  if (steps.empty())
    return;
  entry.shape = shapeOf(steps[steps.size() / 2].facts);
  entry.stages = stageTimes(steps, entry.shape);
  if (!report.machine)
    return;
  double least = 0;
  int64_t past = steps.front().facts.past, tokens = 0;
  for (int64_t rows : sequence) {
    for (const StageCost &cost : costs)
      least += cost.leastSeconds(*report.machine,
                                 {rows, past, /*logitRows=*/past + rows == report.promptTokens || rows == 1});
    past += rows;
    tokens += rows;
  }
  entry.mostTokensPerSecond = double(tokens) / least;
}

void Bench::fillGeneration(const std::vector<TimedStep> &steps) {
  std::vector<TimedStep> prompt, chunks, tokens;
  std::vector<int64_t> promptRows, tokenRows;
  for (const TimedStep &step : steps) {
    const bool isPrompt = step.facts.past < report.promptTokens;
    (isPrompt ? prompt : tokens).push_back(step);
    (isPrompt ? promptRows : tokenRows).push_back(step.facts.rows);
  }
  // Stages of a prompt: its longest steps. A rest is another shape.
  for (const TimedStep &step : prompt)
    if (step.facts.rows == *llvm::max_element(promptRows))
      chunks.push_back(step);
  fillEntry(report.prefill, chunks, promptRows);
  fillEntry(report.decode, tokens, tokenRows);
}

Expected<BenchReport> Bench::run() {
  if (Error failure = open())
    return std::move(failure);
  Progress progress("running", uint64_t(options.repetitions) + 1);
  if (Error failure = runOften(progress))
    return std::move(failure);
  measureLimits();
  Expected<std::vector<TimedStep>> steps = runs.runTimed();
  if (!steps)
    return steps.takeError();
  measureLimits();
  isGraph() ? fillGraph(*steps) : fillGeneration(*steps);
  return std::move(report);
}

} // namespace

double Rate::median() const { return medianOf(values); }
double GraphReport::median() const { return medianOf(seconds); }
double Rate::best() const { return values.empty() ? 0 : *llvm::max_element(values); }

std::vector<StageTime> groupStages(const std::vector<StageTime> &stages) {
  std::vector<StageTime> groups;
  std::map<std::string, size_t> index;
  for (const StageTime &stage : stages) {
    StringRef name = stage.name, rest = name;
    std::string key;
    for (bool first = true; first || !rest.empty(); first = false) {
      auto [part, after] = rest.split('.');
      key += (first ? "" : ".") + (!part.empty() && llvm::all_of(part, llvm::isDigit) ? "*" : part.str());
      rest = after;
    }
    auto [found, isNew] = index.try_emplace(key, groups.size());
    if (isNew) {
      groups.push_back(stage);
      groups.back().name = key;
      continue;
    }
    StageTime &group = groups[found->second];
    group.seconds += stage.seconds;
    group.bytes += stage.bytes;
    group.mulAdds += stage.mulAdds;
    group.leastSeconds += stage.leastSeconds;
    group.stages += stage.stages;
  }
  return groups;
}

Expected<BenchReport> benchProgram(const BenchOptions &options, const PluginRegistry &plugins) {
  return Bench(options, plugins).run();
}

ExitCode bench(const BenchOptions &options, raw_ostream &os, raw_ostream &log) {
  std::optional<PluginRegistry> plugins = loadPlugins(options.plugins, log);
  if (!plugins)
    return kExitUsage;
  Expected<BenchReport> report = benchProgram(options, *plugins);
  if (!report)
    return tellFailure(report.takeError(), log);
  options.json ? printJson(*report, os) : printText(*report, options, os);
  return kExitSuccess;
}

} // namespace phic
