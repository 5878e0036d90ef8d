//===- GgufModel.cpp - A GGUF model in one file or several -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/gguf/GgufModel.h"
#include "compiler/files/InputFiles.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using llvm::formatv;

namespace phic::gguf {
namespace {

/// A model of more parts would have more files than a system lets a process map.
constexpr int64_t kMostParts = 1000;

/// What a file says of itself: its part, from 1, and how many there are.
llvm::Expected<std::pair<int64_t, int64_t>> partOf(const GgufFile &file, llvm::StringRef path) {
  auto number = file.getOr<int64_t>("split.no", 0), count = file.getOr<int64_t>("split.count", 1);
  if (!number || !count)
    return llvm::joinErrors(number.takeError(), count.takeError());
  if (*number < 0 || *count < 1 || *count > kMostParts || *number >= *count)
    return llvm::createStringError(
        formatv("'{0}' says it is part {1} of {2} ('split.no', 'split.count'), which is not possible", path,
                *number + 1, *count)
            .str());
  return std::pair(*number + 1, *count);
}

/// Two parts with the same tensor would leave open which is meant.
llvm::Error checkTensors(const GgufModel &model, llvm::StringRef path) {
  llvm::StringSet<> seen;
  for (const auto &file : model.files())
    for (const GgufTensor &tensor : file->tensors())
      if (!seen.insert(tensor.name).second)
        return llvm::createStringError("'" + path + "': tensor '" + tensor.name + "' is in two parts of the model");
  auto stated = model.metadata().find<int64_t>("split.tensors.count");
  if (!stated)
    return stated.takeError();
  if (*stated && **stated != int64_t(seen.size()))
    return llvm::createStringError(
        formatv("'{0}': the parts of the model have {1} tensors, 'split.tensors.count' says {2}", path, seen.size(),
                **stated)
            .str());
  return llvm::Error::success();
}

} // namespace

std::optional<PartName> PartName::parse(llvm::StringRef fileName) {
  PartName result;
  auto [rest, count] = fileName.rsplit("-of-");
  auto [name, part] = rest.rsplit('-');
  if (!count.consume_back(".gguf") || count.size() != 5 || part.size() != 5 || count.getAsInteger(10, result.count) ||
      part.getAsInteger(10, result.part) || result.part < 1 || result.part > result.count)
    return std::nullopt;
  result.name = name.str();
  return result;
}

std::string PartName::fileName(unsigned part) const {
  return formatv("{0}-{1,0+5}-of-{2,0+5}.gguf", name, part, count).str();
}

uint64_t GgufModel::tensors() const {
  uint64_t sum = 0;
  for (const auto &part : parts)
    sum += part->tensors().size();
  return sum;
}

llvm::Expected<GgufModel> GgufModel::open(const std::string &path, InputFiles *inputs) {
  GgufModel model;
  int64_t count = 1;
  std::string folder = llvm::sys::path::parent_path(path).str(), first = llvm::sys::path::filename(path).str();
  for (int64_t part = 1; part <= count; ++part) {
    std::string name = part == 1 ? first : PartName::parse(first)->fileName(unsigned(part));
    std::string file = folder.empty() ? name : folder + "/" + name;
    if (!look(inputs, file))
      return llvm::createStringError("no such file: " + file + ", which is part " + llvm::Twine(part) + " of " +
                                     llvm::Twine(count) + " of the model");
    auto opened = GgufFile::open(file);
    if (!opened)
      return opened.takeError();
    auto says = partOf(**opened, file);
    if (!says)
      return says.takeError();
    count = part == 1 ? says->second : count;
    if (*says != std::pair(part, count))
      return llvm::createStringError(formatv("'{0}' says it is part {1} of {2} of a model, expected part {3} of {4}{5}",
                                             file, says->first, says->second, part, count,
                                             part == 1 ? ": name the first part" : "")
                                         .str());
    std::optional<PartName> parsed = PartName::parse(first);
    if (count > 1 && (!parsed || parsed->part != 1 || parsed->count != count))
      return llvm::createStringError(formatv("'{0}' is part 1 of {1} of a model; its name must end in "
                                             "'-00001-of-{1,0+5}.gguf', so that the other parts are found",
                                             file, count)
                                         .str());
    model.names.push_back(name);
    model.parts.push_back(std::move(*opened));
  }
  if (llvm::Error error = checkTensors(model, path))
    return std::move(error);
  return model;
}

} // namespace phic::gguf
