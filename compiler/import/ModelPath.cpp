//===- ModelPath.cpp - What a model path names -----------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/ModelPath.h"
#include "compiler/files/InputFile.h"
#include "compiler/files/Json.h"
#include "compiler/import/Importer.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <algorithm>
#include <vector>

namespace fs = llvm::sys::fs;

namespace phic {

namespace {

/// In the order that they are asked.
std::vector<const Importer *> importers(AddedImporters added) {
  std::vector<const Importer *> all;
  for (const std::shared_ptr<const Importer> &importer : added)
    all.push_back(importer.get());
  llvm::append_range(all, allImporters());
  return all;
}

std::string parentOf(const std::string &file) {
  llvm::StringRef parent = llvm::sys::path::parent_path(file);
  return parent.empty() ? "." : parent.str();
}

/// MLX notes its quantization where Hugging Face has `quantization_config`.
bool isMlx(const std::string &directory) {
  auto text = readInput(directory + "/config.json");
  auto config = text ? parseJson((*text)->getBuffer(), "config.json") : text.takeError();
  if (!config)
    return llvm::consumeError(config.takeError()), false;
  return member(*config, "quantization") && !member(*config, "quantization_config");
}

/// What people name when they mean a model: checkpoints of other tools, of which phic has no importer.
std::string hintOf(const std::string &directory) {
  std::string openvino, weights;
  std::error_code code;
  for (fs::directory_iterator it(directory, code), end; it != end && !code; it.increment(code)) {
    const std::string name = llvm::sys::path::filename(it->path()).str();
    const llvm::StringRef stem = llvm::sys::path::stem(name);
    if (llvm::sys::path::extension(name) == ".xml" && fs::exists(directory + "/" + stem + ".bin"))
      openvino = name;
    if (llvm::sys::path::extension(name) == ".safetensors" || llvm::StringRef(name).starts_with("pytorch_model"))
      weights = std::max(weights, name); // the same one, in whatever order they come
  }
  if (!openvino.empty())
    return "; it holds a model of OpenVINO (" + openvino + "), which is not supported: convert what it was made of";
  if (weights.empty())
    return "";
  if (isMlx(directory))
    return "; it holds a checkpoint of MLX (" + weights + "), which is not supported: convert what it was made of";
  return "; it holds a checkpoint of Hugging Face (" + weights +
         "), which ONNX Runtime GenAI's model builder or llama.cpp's convert_hf_to_gguf.py make a model of";
}

/// Files that are no model whoever is asked; empty: it may be one.
std::string whyNoModel(const std::string &file) {
  auto opened = InputFile::open(file);
  if (!opened)
    return llvm::toString(opened.takeError());
  if (llvm::StringRef(headOf(file, 64)).starts_with("version https://git-lfs"))
    return file + " is a pointer of Git LFS, not the file itself; 'git lfs pull' fetches it";
  return "";
}

/// "neither a model.onnx nor a .gguf file"
std::string neither(llvm::ArrayRef<const Importer *> all, llvm::StringRef Importer::Accepts::*what) {
  return "neither " +
         llvm::join(llvm::map_range(all, [&](const Importer *one) { return one->accepts().*what; }), " nor ");
}

} // namespace

std::optional<ModelPath> findModel(const std::string &path, NoModel &why, AddedImporters added) {
  auto fail = [&](std::string reason, bool isThere = true) {
    why = {std::move(reason), isThere};
    return std::nullopt;
  };
  if (!fs::exists(path))
    return fail("no such file or directory: " + path, /*isThere=*/false);
  bool isFolder = fs::is_directory(path);
  if (std::string reason = isFolder ? "" : whyNoModel(path); !reason.empty())
    return fail(reason);
  std::vector<const Importer *> all = importers(added);
  const Importer *owner = nullptr;
  Recognition best;
  for (const Importer *importer : all)
    if (Recognition found = importer->recognizes(path, isFolder); found.claim > best.claim)
      owner = importer, best = std::move(found);
  if (!owner && llvm::sys::path::extension(path) == ".mlir")
    return fail(path + " is no model; IR goes on with --start-from=PHASE", /*isThere=*/false);
  if (!owner)
    return fail(isFolder ? path + " holds no model: " + neither(all, &Importer::Accepts::folder) + hintOf(path)
                         : path + " is no model: " + neither(all, &Importer::Accepts::file));
  if (std::string reason = best.refusal.empty() ? whyNoModel(best.file) : best.refusal; !reason.empty())
    return fail(reason, !best.namesSeveral);
  return ModelPath{owner, best.file, isFolder ? path : parentOf(path)};
}

std::optional<ModelPath> findModelOfIr(const std::string &irPath, const std::string &directory, NoModel &why,
                                       AddedImporters added) {
  std::string folder = directory.empty() ? parentOf(irPath) : directory;
  std::optional<ModelPath> model = findModel(folder, why, added);
  if (!model)
    why = {why.reason + "; --model-dir=FOLDER says where the weights of " + irPath + " are", /*isThere=*/false};
  return model;
}

} // namespace phic
