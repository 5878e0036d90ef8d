//===- PlanOutputs.cpp - Which files a build writes ------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/request/PlanOutputs.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

namespace phic {
namespace {

std::string stemOf(llvm::StringRef path) {
  llvm::StringRef name = llvm::sys::path::filename(path);
  for (llvm::StringRef ending : {".a", ".so", ".dylib", ".o", ".h"})
    if (name.size() > ending.size() && name.consume_back(ending))
      break;
  if (name.size() > 3)
    name.consume_front("lib");
  return name.str();
}

std::string fileName(EmitKind kind, const std::string &stem, ObjectFormat format) {
  switch (kind) {
  case EmitKind::Exe:
    return stem;
  case EmitKind::Lib:
    return "lib" + stem + ".a";
  case EmitKind::Shared:
    return "lib" + stem + (format == ObjectFormat::Elf ? ".so" : ".dylib");
  case EmitKind::Obj:
    return stem + ".o";
  case EmitKind::Header:
    return stem + ".h";
  }
  llvm_unreachable("every kind has a file name");
}

/// The stem with '_' for what a C identifier cannot hold; `phi_query_` stands before it.
std::string identifierOf(llvm::StringRef stem) {
  std::string name;
  for (char c : stem)
    name += llvm::isAlnum(c) ? c : '_';
  return name;
}

std::string beside(llvm::StringRef path, llvm::StringRef name) {
  llvm::SmallString<256> other(llvm::sys::path::parent_path(path));
  llvm::sys::path::append(other, name);
  return other.str().str();
}

std::string withSystem(llvm::StringRef path, llvm::StringRef system) {
  llvm::StringRef extension = llvm::sys::path::extension(path);
  return (path.drop_back(extension.size()) + "-" + system + extension).str();
}

} // namespace

llvm::Expected<Outputs> planOutputs(const Options &options, const System &system, bool isFirst) {
  Outputs outputs;
  const std::string output = isFirst ? options.output : withSystem(options.output, system.name);
  std::string stem = stemOf(output);
  for (EmitKind kind : options.emit)
    outputs.files.push_back(
        {kind, outputs.files.empty() ? output : beside(output, fileName(kind, stem, system.format))});
  if (options.weights == WeightsPlace::Sidecar)
    outputs.weightsPath = beside(output, stem + ".weights");
  outputs.name = options.name.empty() ? identifierOf(stem) : options.name;

  if (options.name != identifierOf(options.name))
    return llvm::createStringError("--name=" + options.name + " is no C identifier: letters, digits and '_' make one");
  if (!options.name.empty() && llvm::all_of(options.emit, [](EmitKind kind) { return kind == EmitKind::Exe; }))
    return llvm::createStringError("--name names a library's query function, but --emit=exe has none");
  if (system.format == ObjectFormat::MachO && llvm::is_contained(options.emit, EmitKind::Obj))
    return llvm::createStringError("--emit=obj: a model is no single object for --target=" + std::string(system.name) +
                                   "; --emit=lib makes a library of several");
  return outputs;
}

} // namespace phic
