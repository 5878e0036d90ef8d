//===- ModelPath.cpp - What a model path names -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/ModelPath.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include <algorithm>
#include <vector>

namespace fs = llvm::sys::fs;

namespace phic {
namespace {

bool isGguf(const std::string &file) {
  auto head = llvm::MemoryBuffer::getFileSlice(file, 4, 0);
  return head && (*head)->getBuffer() == "GGUF";
}

std::string parentOf(const std::string &file) {
  llvm::StringRef parent = llvm::sys::path::parent_path(file);
  return parent.empty() ? "." : parent.str();
}

ModelPath fileModel(const std::string &file) {
  return {isGguf(file) ? ModelKind::Gguf : ModelKind::Onnx, file, parentOf(file)};
}

std::vector<std::string> ggufFilesIn(const std::string &directory) {
  std::vector<std::string> files;
  std::error_code code;
  for (fs::directory_iterator it(directory, code), end; it != end && !code; it.increment(code))
    if (llvm::StringRef(it->path()).ends_with(".gguf"))
      files.push_back(it->path());
  std::sort(files.begin(), files.end());
  return files;
}

} // namespace

std::optional<ModelPath> findModel(const std::string &path, std::string &error) {
  if (!fs::exists(path)) {
    error = "no such file or directory: " + path;
    return std::nullopt;
  }
  if (!fs::is_directory(path))
    return fileModel(path);
  std::string onnx = path + "/model.onnx";
  if (fs::exists(onnx))
    return ModelPath{ModelKind::Onnx, onnx, path};
  std::vector<std::string> gguf = ggufFilesIn(path);
  if (gguf.size() == 1)
    return fileModel(gguf.front());
  error = path + " holds neither a model.onnx nor exactly one .gguf file (found " + std::to_string(gguf.size()) + ")";
  return std::nullopt;
}

std::optional<ModelPath> findModelOfIr(const std::string &irPath, const std::string &directory, std::string &error) {
  std::string folder = directory.empty() ? parentOf(irPath) : directory;
  if (fs::exists(folder) && !fs::is_directory(folder))
    return fileModel(folder);
  return findModel(folder, error);
}

} // namespace phic
