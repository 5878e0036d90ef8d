//===- Depfile.cpp - Tells a build system what was read --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/Depfile.h"
#include "compiler/cache/CompilerFiles.h"
#include <set>

namespace phic {
namespace {

/// Make takes a space or '#' for an end unless a backslash stands before it, backslashes there for pairs, and '$' for a variable.
std::string escaped(llvm::StringRef path) {
  std::string text;
  size_t backslashes = 0;
  for (char c : path) {
    if (c == ' ' || c == '\t' || c == '#')
      text.append(backslashes + 1, '\\');
    else if (c == '$')
      text += '$';
    backslashes = c == '\\' ? backslashes + 1 : 0;
    text += c;
  }
  return text;
}

} // namespace

std::string depfileText(llvm::ArrayRef<std::string> outputs, const InputFiles &inputs) {
  std::set<std::string> paths;
  for (const auto &[path, state] : inputs.all())
    if (state.exists)
      paths.insert(path);
  for (const CompilerFile &file : loadedCompilerFiles())
    paths.insert(file.path);
  for (const std::string &path : runtimeFiles())
    paths.insert(path);

  std::string text;
  for (const std::string &output : outputs)
    text += (text.empty() ? "" : " ") + escaped(output);
  text += ":";
  for (const std::string &path : paths)
    text += " \\\n  " + escaped(path);
  text += "\n";
  for (const std::string &path : paths)
    text += escaped(path) + ":\n";
  return text;
}

llvm::Expected<Depfile> Depfile::create(llvm::StringRef path, OutputFiles &files) {
  auto file = OutputFile::create(path, files);
  if (!file)
    return file.takeError();
  return Depfile(std::move(*file));
}

llvm::Error Depfile::write(llvm::ArrayRef<std::string> outputs, const InputFiles &inputs) {
  if (llvm::Error failure = file.write(depfileText(outputs, inputs)))
    return failure;
  return file.keep();
}

} // namespace phic
