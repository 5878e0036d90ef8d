//===- Inspect.cpp - phic inspect ------------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints what a program or library says about itself: its manifest, and the sizes of its parts.
//===----------------------------------------------------------------------===//
#include "compiler/files/Console.h"
#include "compiler/link/ProgramFile.h"
#include "compiler/manifest/Entries.h"
#include "compiler/manifest/ReadManifest.h"
#include "compiler/tools/UsageErrors.h"
#include "compiler/tools/Verbs.h"
#include "llvm/ADT/StringExtras.h"
#include <CLI/CLI.hpp>
#include <map>

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
    os << "  " << stringOr(entry, "name", "") << ", up to "
       << (integerOr(entry, "most_rows", 0) ? std::to_string(integerOr(entry, "most_rows", 0)) : "chunk_rows")
       << " rows\n";
  if (!entries.empty())
    printBindings(listIn(entries.front(), "bindings"), os);
}

void printTable(const Json &manifest) {
  llvm::raw_ostream &os = reports();
  for (auto &[key, value] : manifest.items())
    if (value.is_primitive())
      os << llvm::left_justify(key, 20)
         << (value.is_string() ? printableName(value.get<std::string>()) : printJson(value)) << "\n";
  os << "cpu_variants        " << printJson(listIn(manifest, "cpu_variants"), /*indent=*/-1) << "\n";
  printEntries(listIn(manifest, "entries"), os);
  for (const Json &plan : listIn(manifest, "plans")) {
    os << "plan for " << stringOr(plan, "device", "") << "\n";
    for (auto &[key, value] : plan.items())
      if (key != "device")
        os << "  " << llvm::left_justify(key, 20) << printJson(value, /*indent=*/-1) << "\n";
  }
  os << "formats\n";
  if (const Json *formats = member(manifest, "formats"))
    for (auto &[name, row] : formats->items())
      os << "  " << llvm::left_justify(name, 44) << " " << integerOr(row, "tensors", 0) << " tensors, "
         << llvm::format("%.2f", numberOr(row, "bits_per_weight", 0)) << " bits per weight\n";
  std::map<std::string, std::pair<std::string, int>> kernels;
  for (const Json &kernel : listIn(manifest, "kernels")) {
    auto &row = kernels[stringOr(kernel, "symbol", "")];
    row.first = stringOr(kernel, "generator", "");
    ++row.second;
  }
  os << "kernels\n";
  for (auto &[symbol, row] : kernels)
    os << "  " << symbol << "  " << row.first << ", used " << row.second << " times\n";
}

ExitCode printIr(const Json &plans, const InspectFlags &flags) {
  std::string names;
  for (const Json &plan : plans) {
    std::string device = stringOr(plan, "device", "");
    if (flags.device.empty() || flags.device == device) {
      reports() << stringOr(plan, "ir", "");
      return kExitSuccess;
    }
    names += (names.empty() ? "" : ", ") + device;
  }
  messages() << "phic: error: --device=" << flags.device << ": " << flags.program << " has plans for " << names << "\n";
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
    messages() << "phic: error: " << llvm::toString(program.takeError()) << "\n";
    return kExitModel;
  }
  llvm::Expected<Json> read = readManifest(program->manifest(), flags.program);
  if (!read) {
    messages() << "phic: error: " << llvm::toString(read.takeError()) << "\n";
    return kExitModel;
  }
  Json &manifest = *read;
  if (flags.ir)
    return printIr(listIn(manifest, "plans"), flags);
  for (Json &plan : manifest["plans"])
    plan.erase("ir");
  manifest["kind"] = kindName(program->kind());
  manifest["weights_hash"] = llvm::utohexstr(program->model().weights_hash, /*LowerCase=*/true, /*Width=*/16);
  manifest["code_bytes"] = program->codeBytes();
  manifest["text_bytes"] = program->textBytes();
  manifest["file_bytes"] = program->fileBytes();
  if (flags.json)
    reports() << printJson(manifest) << "\n";
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
