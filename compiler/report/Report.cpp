//===- Report.cpp - What a build came to, on request -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/report/Report.h"
#include "compiler/report/PredictionPrinter.h"
#include "dialects/phiq/ModelFacts.h"
#include "targets/Levels.h"
#include "llvm/Support/FormatVariadic.h"

using Json = nlohmann::ordered_json;

namespace phic {
namespace {

bool isJson(const Options &options) {
  return options.reportFormat == "json" ||
         (options.reportFormat.empty() && llvm::StringRef(options.report).ends_with(".json"));
}

/// The systems with the levels that their programs hold.
std::vector<TargetChoice> targetsOf(const Options &options) {
  std::string reason;
  auto choices = chooseTargets(options.target, options.cpu, options.device, &reason);
  assert(choices && "checked before the model was read");
  return *choices;
}

} // namespace

void Report::print(llvm::raw_ostream &os) const {
  os << "model        " << model << "\n";
  for (const TargetChoice &choice : targetsOf(options)) {
    os << "target       " << choice.system->name;
    for (const Target *level : choice.levels)
      os << ", " << level->name;
    os << "\n";
  }
  if (std::string flags = options.precision.str(); !flags.empty())
    os << "precision    " << flags << "\n";
  precision.print(os);
  if (prediction) {
    printMemory(*prediction, os);
    printSpeed(*prediction, os);
  }
}

std::string Report::toJson() const {
  Json json = {{"model", model}, {"targets", Json::array()}, {"flags", options.precision.str()}};
  for (const TargetChoice &choice : targetsOf(options)) {
    Json levels = Json::array();
    for (const Target *level : choice.levels)
      levels.push_back(level->name);
    json["targets"].push_back({{"system", choice.system->name}, {"levels", levels}});
  }
  json["precision"] = Json::parse(llvm::formatv("{0}", precision.toJson()).str());
  if (prediction)
    json.update(predictionJson(*prediction));
  return json.dump(/*indent=*/1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

Report makeReport(mlir::ModuleOp module, Phase last, const Options &options, uint64_t tokenizerBytes) {
  Report report{modelFacts(module).name, options, collectPrecision(module), {}};
  PredictionOptions wanted;
  wanted.tokenizerBytes = tokenizerBytes;
  if (last >= Phase::Layout)
    report.prediction = predict(module, options, wanted);
  return report;
}

std::string checkReportFlags(const Options &options) {
  if (options.report.empty())
    return options.reportFormat.empty() ? "" : "--report-format says nothing without --report";
  Phase last = options.stopAfter.value_or(Phase::Link);
  if (last < Phase::Precision)
    return "--report needs the precision phase, and --stop-after=" + std::string(phaseName(last)) + " comes before it";
  if (options.report == "-" && options.stopAfter && (options.output.empty() || options.output == "-"))
    return "--report=- and the IR of --stop-after both go to standard output; give one of them a file";
  if (options.report == options.output)
    return "--report and -o name the same file '" + options.report + "'";
  return "";
}

std::string reportText(const Report &report, const Options &options) {
  if (isJson(options))
    return report.toJson();
  std::string text;
  llvm::raw_string_ostream os(text);
  report.print(os);
  return text;
}

} // namespace phic
