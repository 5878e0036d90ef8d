//===- Inspect.cpp - phic inspect ------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints what a program or library says about itself: its manifest, and the sizes of its parts.
//===----------------------------------------------------------------------===//
#include "compiler/link/ProgramFile.h"
#include "compiler/manifest/Entries.h"
#include "compiler/tools/UsageErrors.h"
#include "compiler/tools/Verbs.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"
#include <CLI/CLI.hpp>
#include <map>
#include <nlohmann/json.hpp>

using Json = nlohmann::ordered_json;

namespace phic {
namespace {

struct InspectFlags {
  std::string program;
  std::string device; ///< whose plan --ir prints; empty: the first
  bool json = false, ir = false;
};

/// Names, rows, and once what all of them bind.
void printEntries(const Json &entries, llvm::raw_ostream &os) {
  os << "entries\n";
  for (const Json &entry : entries)
    os << "  " << entry.value("name", "") << ", up to "
       << (entry.value("most_rows", 0) ? std::to_string(entry.value("most_rows", 0)) : "chunk_rows") << " rows\n";
  if (!entries.empty())
    printBindings(entries.front().value("bindings", Json::array()), os);
}

void printTable(const Json &manifest) {
  llvm::raw_ostream &os = llvm::outs();
  for (auto &[key, value] : manifest.items())
    if (value.is_primitive())
      os << llvm::left_justify(key, 20) << (value.is_string() ? value.get<std::string>() : value.dump()) << "\n";
  os << "cpu_variants        " << manifest.value("cpu_variants", Json::array()).dump() << "\n";
  printEntries(manifest.value("entries", Json::array()), os);
  for (const Json &plan : manifest.value("plans", Json::array())) {
    os << "plan for " << plan.value("device", "") << "\n";
    for (auto &[key, value] : plan.items())
      if (key != "device")
        os << "  " << llvm::left_justify(key, 20) << value.dump() << "\n";
  }
  Json formats = manifest.value("formats", Json::object()); // items() refers to it
  os << "formats\n";
  for (auto &[name, row] : formats.items())
    os << "  " << llvm::left_justify(name, 44) << " " << row.value("tensors", 0) << " tensors, "
       << llvm::format("%.2f", row.value("bits_per_weight", 0.0)) << " bits per weight\n";
  std::map<std::string, std::pair<std::string, int>> kernels;
  for (const Json &kernel : manifest.value("kernels", Json::array())) {
    auto &row = kernels[kernel.value("symbol", "")];
    row.first = kernel.value("generator", "");
    ++row.second;
  }
  os << "kernels\n";
  for (auto &[symbol, row] : kernels)
    os << "  " << symbol << "  " << row.first << ", used " << row.second << " times\n";
}

ExitCode printIr(const Json &plans, const InspectFlags &flags) {
  std::string names;
  for (const Json &plan : plans) {
    std::string device = plan.value("device", "");
    if (flags.device.empty() || flags.device == device) {
      llvm::outs() << plan.value("ir", "");
      return kExitSuccess;
    }
    names += (names.empty() ? "" : ", ") + device;
  }
  llvm::errs() << "phic: error: --device=" << flags.device << ": " << flags.program << " has plans for " << names
               << "\n";
  return kExitUsage;
}

const char *kindName(ProgramFile::Kind kind) {
  switch (kind) {
  case ProgramFile::Kind::Program:
    return "program";
  case ProgramFile::Kind::SharedLibrary:
    return "shared library";
  case ProgramFile::Kind::Object:
    return "object";
  case ProgramFile::Kind::StaticLibrary:
    return "static library";
  }
  llvm_unreachable("every kind has a name");
}

ExitCode runInspect(const InspectFlags &flags) {
  if (ExitCode code = requireFile(flags.program))
    return code;
  llvm::Expected<ProgramFile> program = ProgramFile::open(flags.program);
  if (!program) {
    llvm::errs() << "phic: error: " << llvm::toString(program.takeError()) << "\n";
    return kExitModel;
  }
  Json manifest = Json::parse(program->manifest().str(), nullptr, /*allow_exceptions=*/false);
  if (!manifest.is_object()) {
    llvm::errs() << "phic: error: " << flags.program << ": the manifest is damaged\n";
    return kExitModel;
  }
  Json &plans = manifest["plans"];
  if (flags.ir)
    return printIr(plans, flags);
  for (Json &plan : plans)
    plan.erase("ir");
  manifest["kind"] = kindName(program->kind());
  manifest["weights_hash"] = llvm::utohexstr(program->model().weights_hash, /*LowerCase=*/true, /*Width=*/16);
  manifest["code_bytes"] = program->codeBytes();
  manifest["text_bytes"] = program->textBytes();
  manifest["file_bytes"] = program->fileBytes();
  if (flags.json)
    llvm::outs() << manifest.dump(/*indent=*/1) << "\n";
  else
    printTable(manifest);
  return kExitSuccess;
}

} // namespace

void addInspectVerb(CLI::App &app, ExitCode &result) {
  CLI::App *verb = app.add_subcommand("inspect", "show what a program or library is made of");
  auto flags = std::make_shared<InspectFlags>();
  verb->add_option("PROGRAM", flags->program, "a program, library or object made by phic build")->required();
  verb->add_flag("--json", flags->json, "one JSON object");
  verb->add_flag("--ir", flags->ir, "the planned IR that the kernels were made from");
  verb->add_option("--device", flags->device, "whose IR, where the program has several plans (default: the first)");
  verb->callback([flags, &result] { result = runInspect(*flags); });
}

} // namespace phic
