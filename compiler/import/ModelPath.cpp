//===- ModelPath.cpp - What a model path names -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/ModelPath.h"
#include "llvm/ADT/StringExtras.h"
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

uint64_t sizeOf(const std::string &file) {
  uint64_t size = 0;
  return fs::file_size(file, size) ? 0 : size;
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

/// What people name when they mean a model.
std::string hintOf(const std::string &directory) {
  std::error_code code;
  for (fs::directory_iterator it(directory, code), end; it != end && !code; it.increment(code))
    if (llvm::StringRef name = it->path(); name.ends_with(".safetensors") || name.ends_with(".bin"))
      return "; it holds a checkpoint of Hugging Face (" + llvm::sys::path::filename(name).str() +
             "), which ONNX Runtime GenAI's model builder or llama.cpp's convert_hf_to_gguf.py make a model of";
  return "";
}

/// Files that are no model whatever is in them, empty: it may be one.
std::string whyNoModel(const std::string &file) {
  auto head = llvm::MemoryBuffer::getFileSlice(file, std::min<uint64_t>(64, sizeOf(file)), 0);
  if (!head)
    return "cannot read " + file + ": " + head.getError().message();
  if ((*head)->getBuffer().starts_with("version https://git-lfs"))
    return file + " is a pointer of Git LFS, not the file itself; 'git lfs pull' fetches it";
  if (llvm::StringRef(file).ends_with(".gguf") && !isGguf(file))
    return file + " is no GGUF file: it does not begin with 'GGUF'";
  return "";
}

} // namespace

std::optional<ModelPath> findModel(const std::string &path, std::string &error) {
  if (!fs::exists(path)) {
    error = "no such file or directory: " + path;
    return std::nullopt;
  }
  if (!fs::is_directory(path)) {
    error = whyNoModel(path);
    return error.empty() ? std::optional(fileModel(path)) : std::nullopt;
  }
  std::string onnx = path + "/model.onnx";
  if (fs::exists(onnx))
    return ModelPath{ModelKind::Onnx, onnx, path};
  std::vector<std::string> gguf = ggufFilesIn(path);
  if (gguf.size() == 1)
    return fileModel(gguf.front());
  error = path + (gguf.empty() ? " holds no model: neither a model.onnx nor a .gguf file" + hintOf(path)
                               : " holds " + std::to_string(gguf.size()) +
                                     " .gguf files; name the one: " + llvm::join(gguf, ", "));
  return std::nullopt;
}

std::optional<ModelPath> findModelOfIr(const std::string &irPath, const std::string &directory, std::string &error) {
  std::string folder = directory.empty() ? parentOf(irPath) : directory;
  std::optional<ModelPath> model = findModel(folder, error);
  if (!model)
    error += "; --model-dir=FOLDER says where the weights of " + irPath + " are";
  return model;
}

} // namespace phic
