//===- OutputFiles.cpp - Which files a run writes --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/OutputFiles.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"

namespace phic {

namespace fs = llvm::sys::fs;

static bool isSpelledAs(llvm::StringRef path, llvm::StringRef other) {
  return llvm::sys::path::remove_leading_dotslash(path) == llvm::sys::path::remove_leading_dotslash(other);
}

OutputFiles::OutputFiles(const InputFiles &inputs, const std::vector<std::string> &phic) : inputs(inputs) {
  for (const std::string &file : phic)
    ownFiles.push_back(identityOf(file));
}

/// None for what many may write to (a device, a pipe) and for what cannot be made.
std::optional<OutputFiles::Identity> OutputFiles::identityOf(llvm::StringRef path) {
  fs::file_status status;
  if (!fs::status(path, status))
    return fs::is_regular_file(status) ? std::optional<Identity>({status.getUniqueID(), ""}) : std::nullopt;
  llvm::StringRef folder = llvm::sys::path::parent_path(path);
  if (fs::status(folder.empty() ? "." : folder, status))
    return std::nullopt;
  return Identity{status.getUniqueID(), llvm::sys::path::filename(path).str()};
}

llvm::Error OutputFiles::plan(llvm::StringRef path) {
  paths.push_back(path.str());
  return check();
}

bool OutputFiles::isPlanned(llvm::StringRef path) const { return llvm::is_contained(paths, path); }

bool OutputFiles::isInput(llvm::StringRef path) const { return inputThatIs(identityOf(path)) != nullptr; }

const std::string *OutputFiles::inputThatIs(const std::optional<Identity> &file) const {
  if (file && file->name.empty())
    for (const InputFiles *some : {&inputs, &protectedFiles})
      for (const auto &[path, state] : some->all())
        if (state.exists && file->id == fs::UniqueID(state.device, state.inode))
          return &path;
  return nullptr;
}

llvm::Error OutputFiles::check() const {
  const std::error_code usage = std::make_error_code(std::errc::invalid_argument);
  auto refuse = [&](llvm::StringRef path, const llvm::Twine &what) {
    return llvm::createStringError(usage, "cannot write " + path + ": it is " + what + "; choose another name");
  };
  std::vector<std::optional<Identity>> files;
  for (const std::string &path : paths) {
    const std::optional<Identity> file = identityOf(path);
    if (const std::string *input = inputThatIs(file))
      return refuse(path, isSpelledAs(path, *input) ? "an input" : "the input " + *input);
    if (file && llvm::is_contained(ownFiles, file))
      return refuse(path, "a part of phic itself");
    if (auto same = llvm::find(files, file); file && same != files.end()) {
      const std::string &other = paths[same - files.begin()];
      return llvm::createStringError(usage, "two outputs would be " + path +
                                                (other == path ? "" : ", also as " + other) +
                                                "; choose another name for one");
    }
    files.push_back(file);
  }
  return llvm::Error::success();
}

} // namespace phic
