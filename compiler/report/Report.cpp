//===- Report.cpp - What a build came to, on request -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/report/Report.h"
#include "compiler/report/PredictionPrinter.h"
#include "dialects/phiq/ModelFacts.h"
#include "llvm/Support/FormatVariadic.h"

using Json = nlohmann::ordered_json;

namespace phic {
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
  json["precision"] = Json::parse(llvm::formatv("{0}", precision.toJson()).str());
  if (prediction)
    json.update(predictionJson(*prediction));
  return json.dump(/*indent=*/1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
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
