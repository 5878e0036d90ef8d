//===- Report.cpp - What a build came to, on request -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/report/Report.h"
#include "compiler/report/PredictionPrinter.h"
#include "dialects/phiq/ModelFacts.h"
#include "llvm/Support/raw_ostream.h"

namespace phic {
namespace {

Json toJson(const PrecisionReport::Weight &weight) {
  Json row = {{"name", weight.name},
              {"format", weight.format},
              {"shape", weight.shape},
              {"bits_per_weight", weight.bitsPerWeight},
              {"compute", weight.compute},
              {"stored_format", weight.stored},
              {"stored_bits_per_weight", weight.storedBitsPerWeight}};
  if (!weight.method.empty())
    row["method"] = weight.method;
  if (weight.error)
    row["error"] = {{"relative_rms", weight.error->relativeRms}, {"greatest", weight.error->greatest}};
  if (!weight.kernels.empty())
    row["kernels"] = weight.kernels;
  return row;
}

Json toJson(const PrecisionReport &precision) {
  Json json = {{"weights", Json::array()},
               {"bits_per_weight", precision.meanBitsPerWeight()},
               {"kv_cache", precision.cacheElement}};
  for (const PrecisionReport::Weight &weight : precision.weights)
    json["weights"].push_back(toJson(weight));
  if (precision.converted()) {
    json["stored_bits_per_weight"] = precision.meanStoredBitsPerWeight();
    json["converted"] = precision.converted();
    if (precision.worst())
      json["relative_rms"] = precision.convertedRms();
  }
  return json;
}

} // namespace

void Report::print(llvm::raw_ostream &os) const {
  os << "model        " << model << "\n";
  for (const TargetChoice &choice : request.targets) {
    os << "target       " << choice.system->name;
    for (const Target *level : choice.levels)
      os << ", " << level->name;
    os << "\n";
  }
  if (std::string flags = request.precision.str(); !flags.empty())
    os << "precision    " << flags << "\n";
  precision.print(os);
  if (prediction) {
    printMemory(*prediction, os);
    printSpeed(*prediction, os);
  }
}

std::string Report::toJson() const {
  Json json = {{"model", model}, {"targets", Json::array()}, {"flags", request.precision.str()}};
  for (const TargetChoice &choice : request.targets) {
    Json levels = Json::array();
    for (const Target *level : choice.levels)
      levels.push_back(level->name);
    json["targets"].push_back({{"system", choice.system->name}, {"levels", levels}});
  }
  json["precision"] = phic::toJson(precision);
  if (prediction)
    json.update(predictionJson(*prediction));
  return printJson(json) + "\n";
}

Report makeReport(mlir::ModuleOp module, const BuildRequest &request, uint64_t tokenizerBytes) {
  Report report{modelFacts(module).name, request, collectPrecision(module), {}};
  PredictionOptions wanted;
  wanted.tokenizerBytes = tokenizerBytes;
  if (request.last >= Phase::Layout)
    report.prediction = predict(module, request.targets.front(), wanted);
  return report;
}

std::string reportText(const Report &report) {
  if (report.request.isReportJson)
    return report.toJson();
  std::string text;
  llvm::raw_string_ostream os(text);
  report.print(os);
  return text;
}

} // namespace phic
