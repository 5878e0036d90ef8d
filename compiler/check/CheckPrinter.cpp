//===- CheckPrinter.cpp - A check's report as text or JSON -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/check/CheckPrinter.h"
#include "compiler/manifest/Entries.h"
#include "compiler/report/MachineText.h"
#include "compiler/report/PredictionPrinter.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>

using llvm::formatv;

namespace phic {
namespace {

/// Weights of one format, after import.
struct FormatRow {
  int64_t tensors = 0, weights = 0;
  double bitsPerWeight = 0;
  std::set<std::string> uses;
};

std::map<std::string, FormatRow> formatsOf(const PrecisionReport &report) {
  std::map<std::string, FormatRow> formats;
  for (const PrecisionReport::Weight &weight : report.weights) {
    FormatRow &row = formats[weight.format];
    ++row.tensors;
    row.weights += weight.elements();
    row.bitsPerWeight = weight.bitsPerWeight;
    row.uses.insert(weight.compute);
  }
  return formats;
}

std::string joined(const std::set<std::string> &words) { return llvm::join(words, "; "); }

void printSource(const SourceFacts &source, llvm::raw_ostream &os) {
  int64_t nodes = 0;
  for (auto &[op, count] : source.ops)
    nodes += count;
  os << "source       " << source.kind << ", " << bytesText(source.bytes()) << " of tensors";
  if (nodes > 0)
    os << ", " << nodes << " nodes of " << source.ops.size() << " kinds";
  os << "\n";
  for (auto &[name, format] : source.formats)
    os << formatv("  {0,-36} {1,6} tensors  {2}\n", name, format.tensors, bytesText(format.bytes));
  if (!source.dimensions.empty())
    os << "dimensions\n";
  for (const SymbolicDimension &dimension : source.dimensions)
    os << formatv("  {0,-36} of {1}{2}\n", dimension.name, dimension.inputs.front(),
                  dimension.inputs.size() > 1 ? " and " + std::to_string(dimension.inputs.size() - 1) + " more inputs"
                                              : "");
}

void printPrecision(const PrecisionReport &precision, llvm::raw_ostream &os) {
  os << formatv("formats      {0:f2} bits per weight", precision.meanBitsPerWeight());
  if (!precision.cacheElement.empty())
    os << ", KV cache " << precision.cacheElement;
  os << "\n";
  for (auto &[name, row] : formatsOf(precision))
    os << formatv("  {0,-36} {1,6} tensors  {2,6:f2} bits per weight  {3}\n", name, row.tensors, row.bitsPerWeight,
                  joined(row.uses));
}

//===----------------------------------------------------------------------===//
// JSON
//===----------------------------------------------------------------------===//

const char *severityName(mlir::DiagnosticSeverity severity) {
  switch (severity) {
  case mlir::DiagnosticSeverity::Error:
    return "error";
  case mlir::DiagnosticSeverity::Warning:
    return "warning";
  case mlir::DiagnosticSeverity::Remark:
    return "remark";
  case mlir::DiagnosticSeverity::Note:
    return "note";
  }
  llvm_unreachable("all are named");
}

Json toJson(const SourceFacts &source) {
  Json json = {
      {"kind", source.kind}, {"tensor_bytes", source.bytes()}, {"formats", Json::object()}, {"ops", Json::object()}};
  for (auto &[name, format] : source.formats)
    json["formats"][name] = {{"tensors", format.tensors}, {"elements", format.elements}, {"bytes", format.bytes}};
  for (auto &[op, count] : source.ops)
    json["ops"][op] = count;
  json["symbolic_dimensions"] = Json::array();
  for (const SymbolicDimension &dimension : source.dimensions)
    json["symbolic_dimensions"].push_back({{"name", dimension.name}, {"inputs", dimension.inputs}});
  return json;
}

Json toJson(const PrecisionReport &precision) {
  Json json = {{"bits_per_weight", precision.meanBitsPerWeight()},
               {"kv_cache", precision.cacheElement},
               {"formats", Json::object()}};
  for (auto &[name, row] : formatsOf(precision))
    json["formats"][name] = {{"tensors", row.tensors},
                             {"weights", row.weights},
                             {"bits_per_weight", row.bitsPerWeight},
                             {"compute", joined(row.uses)}};
  return json;
}

} // namespace

void printText(const CheckReport &report, llvm::raw_ostream &os) {
  if (report.source)
    printSource(*report.source, os);
  if (report.precision)
    printPrecision(*report.precision, os);
  if (report.tokenizer)
    os << formatv("tokenizer    {0} ids, {1} stop ids, {2}{3}\n", report.tokenizer->ids, report.tokenizer->stopIds,
                  bytesText(report.tokenizer->tableBytes), report.tokenizer->chatBytes ? ", with a chat template" : "");
  if (!report.bindings.empty()) {
    os << "bindings\n";
    printBindings(bindingsJson(report.bindings), os);
  }
  if (report.prediction) {
    printMemory(*report.prediction, os);
    printSpeed(*report.prediction, os);
  }
  for (const Prediction &device : report.devices) {
    printMemory(device, os);
    printSpeed(device, os);
  }
  const size_t errors = report.errors();
  os << "verdict      "
     << (errors ? "cannot be built: " + std::to_string(errors) + (errors == 1 ? " error" : " errors") : "can be built")
     << "\n";
}

void printFindings(const CheckReport &report, llvm::raw_ostream &os) {
  for (const Finding &finding : report.findings) {
    os << "phic: " << severityName(finding.severity) << ": " << finding.message << "\n";
    for (const std::string &note : finding.notes)
      os << "phic: note: " << note << "\n";
  }
}

void printJson(const CheckReport &report, llvm::raw_ostream &os) {
  Json json = {{"can_be_built", report.errors() == 0}, {"exit_code", int(report.code)}, {"findings", Json::array()}};
  for (const Finding &finding : report.findings)
    json["findings"].push_back(
        {{"severity", severityName(finding.severity)}, {"message", finding.message}, {"notes", finding.notes}});
  if (report.source)
    json["source"] = toJson(*report.source);
  if (report.precision)
    json["precision"] = toJson(*report.precision);
  if (report.tokenizer)
    json["tokenizer"] = {{"ids", report.tokenizer->ids},
                         {"stop_ids", report.tokenizer->stopIds},
                         {"table_bytes", report.tokenizer->tableBytes},
                         {"chat_bytes", report.tokenizer->chatBytes}};
  if (!report.bindings.empty())
    json["bindings"] = bindingsJson(report.bindings);
  if (report.prediction)
    json.update(predictionJson(*report.prediction));
  for (const Prediction &device : report.devices)
    json["devices"][device.family] = predictionJson(device);
  os << printJson(json) << "\n";
}

} // namespace phic
