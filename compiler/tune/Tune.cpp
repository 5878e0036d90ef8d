//===- Tune.cpp - Which tiles are fastest on this machine ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/tune/Tune.h"
#include "compiler/Compiler.h"
#include "compiler/Plugin.h"
#include "compiler/bench/Median.h"
#include "compiler/bench/ProgramRuns.h"
#include "compiler/cache/CompilerFiles.h"
#include "compiler/files/OutputFile.h"
#include "compiler/messages/Progress.h"
#include "compiler/request/BuildRequest.h"
#include "compiler/request/TilesFile.h"
#include "compiler/tune/Candidates.h"
#include "compiler/verify/OpenedProgram.h"
#include "dialects/phiq/RowOps.h"
#include "dialects/plan/Entry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;

namespace phic {
namespace {

/// A folder that goes with its contents.
class Workshop {
public:
  Workshop() : failure(sys::fs::createUniqueDirectory("phic-tune", folder)) {}
  ~Workshop() { sys::fs::remove_directories(folder); }
  Workshop(const Workshop &) = delete;
  Workshop &operator=(const Workshop &) = delete;
  std::string path(StringRef name) const { return (folder + "/" + name).str(); }
  std::error_code error() const { return failure; }

private:
  SmallString<128> folder;
  std::error_code failure;
};

/// Seconds of each axis's stages in one run.
using AxisSeconds = std::vector<double>;

class Tuner {
public:
  Tuner(const TuneOptions &options, raw_ostream &os, raw_ostream &log) : options(options), os(os), log(log) {}
  ExitCode run();

private:
  ExitCode usageError(const Twine &message);
  ExitCode fail(Error failure);
  ExitCode chooseLevel();
  ExitCode readTables();
  ExitCode build(const std::string &program, const TileTable &table);
  Error open(const std::string &program);
  Expected<AxisSeconds> time(const std::string &program);
  ExitCode compareAll();
  ExitCode compare(const TileTable &table);
  ExitCode confirm(ArrayRef<std::vector<double>> found);
  void print(const TileAxis &axis, ArrayRef<int64_t> sizes, double ratio);
  ExitCode write(OutputFile &file);

  const TuneOptions &options;
  raw_ostream &os, &log;
  Workshop workshop;
  InputFiles read;
  OutputFiles planned{read, filesOfPhic()};
  const Target *level = nullptr;
  TilesOfLevels tables;            ///< what the output says, then with what was found
  TileTable own;                   ///< the level's
  std::vector<TileAxis> axes;
  std::vector<std::optional<TunedStage>> kinds; ///< by stage; others are not tuned
  std::vector<double> ratios;      ///< of each axis, the last comparison's
  ProgramRuns runs;
};

ExitCode Tuner::usageError(const Twine &message) {
  log << "phic: error: " << message << "\n";
  return kExitUsage;
}

ExitCode Tuner::fail(Error failure) {
  log << "phic: error: " << toString(std::move(failure)) << "\n";
  return kExitModel;
}

ExitCode Tuner::chooseLevel() {
  Options build = options.build;
  build.cpu = build.cpu.empty() ? "native" : build.cpu;
  auto request = resolveCheck(build); // the programs' names are not known yet
  if (!request)
    return usageError(toString(request.takeError()));
  const auto levels = levelsOf(hostBackend(), request->targets.front().levels);
  if (request->targets.size() > 1 || (levels.size() > 1 && !options.build.cpu.empty()))
    return usageError("tune measures one level: --cpu names several");
  level = levels.front();
  if (!hostBackend().runsHere(*level))
    return usageError("--cpu=" + Twine(level->name) + " does not run on this machine, which tune measures");
  own = hostBackend().tilesOf(*level);
  axes = candidatesFor(*level);
  return kExitSuccess;
}

ExitCode Tuner::readTables() {
  if (!sys::fs::is_regular_file(options.output))
    return kExitSuccess;
  Expected<TilesOfLevels> read = readTilesFile(options.output);
  if (!read)
    return usageError(toString(read.takeError()));
  tables = std::move(*read);
  return kExitSuccess;
}

ExitCode Tuner::build(const std::string &program, const TileTable &table) {
  Options build = options.build;
  build.cpu = level->name;
  build.output = program;
  build.quiet = true;
  build.tiles = {{std::string(level->name), table}};
  return compile(build, log, PluginRegistry(), read);
}

/// Learns what the stages are; all programs have the same.
Error Tuner::open(const std::string &program) {
  std::optional<PluginRegistry> plugins = loadPlugins(options.build.plugins, log);
  if (!plugins)
    return createStringError("the plugins cannot be loaded");
  auto opened = openProgram(program, "tune", *plugins);
  if (!opened)
    return opened.takeError();
  for (plan::StageOp stage : (*opened)->stages) {
    mlir::Block &body = stage.getBody().front();
    if (!body.getOps<phiq::AttendOp>().empty())
      kinds.push_back(TunedStage::Attend);
    else
      kinds.push_back(body.getOps<phiq::MatmulOp>().empty() ? std::nullopt : std::optional(TunedStage::Matmul));
  }
  if (!plan::hasSteps(modelFunction(*(*opened)->module)))
    return createStringError("the model is a graph that takes no tokens; tiles are tuned for decoders");
  const phi_model &model = (*opened)->program.model();
  const int64_t most = int64_t(model.context_max) - options.decodeTokens + 1;
  if (most < 1)
    return createStringError("the model's context of " + Twine(model.context_max) + " tokens is too short to be timed");
  const ProgramPlan &plan = (*opened)->plan;
  runs = {program, plan, generationWork(plan, std::min(options.promptTokens, most), options.decodeTokens),
          options.threads};
  return Error::success();
}

Expected<AxisSeconds> Tuner::time(const std::string &program) {
  runs.program = program;
  Expected<std::vector<TimedStep>> steps = runs.runTimed();
  if (!steps)
    return steps.takeError();
  AxisSeconds seconds(axes.size());
  for (auto [a, axis] : enumerate(axes))
    for (size_t stage = 0; stage < kinds.size(); ++stage) {
      if (kinds[stage] != axis.kind)
        continue;
      std::vector<double> times;
      for (const TimedStep &step : *steps)
        if ((step.facts.rows == 1) == (axis.mClass == MClass::Decode))
          times.push_back(double(step.nanoseconds[stage]) / 1e9);
      seconds[a] += medianOf(times);
    }
  return seconds;
}

/// Builds a program with these tiles and runs it in turns with that of the level's own: `ratios` are the medians.
ExitCode Tuner::compare(const TileTable &table) {
  if (ExitCode code = build(workshop.path("other"), table))
    return code;
  std::vector<std::vector<double>> runByRun(axes.size());
  for (int i = 0; i < options.repetitions; ++i) {
    Expected<AxisSeconds> before = time(workshop.path("own"));
    if (!before)
      return fail(before.takeError());
    Expected<AxisSeconds> after = time(workshop.path("other"));
    if (!after)
      return fail(after.takeError());
    for (size_t a = 0; a < axes.size(); ++a)
      runByRun[a].push_back((*before)[a] > 0 ? (*after)[a] / (*before)[a] : 1);
  }
  ratios.clear();
  for (const std::vector<double> &each : runByRun)
    ratios.push_back(medianOf(each));
  return kExitSuccess;
}

void Tuner::print(const TileAxis &axis, ArrayRef<int64_t> sizes, double ratio) {
  os << formatv("  {0,-18} {1,-24} {2:f2} of the time\n", axis.name, sizesText(backendOf(*level), axis, sizes), ratio);
}

/// One program tries a candidate of every axis: stages of different axes do not share time.
ExitCode Tuner::compareAll() {
  size_t most = 0;
  for (const TileAxis &axis : axes)
    most = std::max(most, axis.candidates.size());
  Progress progress("tuning", most + 1, options.build.quiet);
  std::vector<std::vector<double>> found(axes.size());
  for (size_t i = 0; i < most; ++i) {
    TileTable table = own;
    for (const TileAxis &axis : axes)
      if (i < axis.candidates.size())
        table = withSizes(table, axis, axis.candidates[i]);
    if (ExitCode code = compare(table))
      return code;
    for (auto [a, axis] : enumerate(axes))
      if (i < axis.candidates.size())
        found[a].push_back(ratios[a]);
    progress(i + 1);
  }
  os << level->name << ", beside its own tiles, " << tileTableText(own) << ":\n";
  for (auto [a, axis] : enumerate(axes))
    for (auto [sizes, ratio] : zip(axis.candidates, found[a]))
      print(axis, sizes, ratio);
  return confirm(found);
}

/// The least of many ratios is lucky as well as fast: those that win are compared once more.
ExitCode Tuner::confirm(ArrayRef<std::vector<double>> found) {
  TileTable best = own;
  for (auto [a, axis] : enumerate(axes))
    if (std::optional<size_t> won = winner(found[a]))
      best = withSizes(best, axis, axis.candidates[*won]);
  if (best != own) {
    if (ExitCode code = compare(best))
      return code;
    os << "the fastest once more:\n";
    for (auto [a, axis] : enumerate(axes)) {
      if (sizesOf(best, axis) == sizesOf(own, axis))
        continue;
      print(axis, sizesOf(best, axis), ratios[a]);
      if (ratios[a] > 1 - kLeastGain)
        best = withSizes(best, axis, sizesOf(own, axis));
    }
  }
  tables.insert_or_assign(std::string(level->name), best);
  return kExitSuccess;
}

ExitCode Tuner::write(OutputFile &file) {
  const TileTable &best = tables.at(std::string(level->name));
  os << level->name << ": " << (best == own ? "its own tiles are the fastest: " : "fastest tiles: ")
     << tileTableText(best) << "\n";
  Error failure = file.write(printTiles(tables));
  if (!failure)
    failure = file.keep();
  return failure ? usageError(toString(std::move(failure))) : kExitSuccess;
}

ExitCode Tuner::run() {
  if (workshop.error())
    return usageError("cannot create a temporary folder: " + workshop.error().message());
  // Before measuring, which takes long.
  Expected<OutputFile> file = OutputFile::create(options.output, planned);
  if (!file)
    return usageError(toString(file.takeError()));
  if (ExitCode code = chooseLevel())
    return code;
  if (ExitCode code = readTables())
    return code;
  if (ExitCode code = build(workshop.path("own"), own))
    return code;
  if (Error clash = planned.check()) // the same, now that the model's files are known
    return usageError(toString(std::move(clash)));
  if (Error failure = open(workshop.path("own")))
    return fail(std::move(failure));
  if (ExitCode code = compareAll())
    return code;
  return write(*file);
}

} // namespace

ExitCode tune(const TuneOptions &options, raw_ostream &os, raw_ostream &log) { return Tuner(options, os, log).run(); }

} // namespace phic
