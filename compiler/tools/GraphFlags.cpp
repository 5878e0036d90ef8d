//===- GraphFlags.cpp - Flags about a graph's inputs -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/tools/GraphFlags.h"
#include "compiler/tools/Choice.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace phic {
namespace {

constexpr int64_t kMostSize = int64_t(1) << 31;

std::optional<int64_t> sizeOf(llvm::StringRef text) {
  int64_t size = 0;
  return text.getAsInteger(10, size) || size < 1 || size > kMostSize ? std::nullopt : std::optional(size);
}

/// 1x3x320x320; a scalar has none.
std::optional<std::vector<int64_t>> shapeOf(llvm::StringRef text) {
  std::vector<int64_t> shape;
  if (text == "scalar")
    return shape;
  llvm::SmallVector<llvm::StringRef> sizes;
  text.split(sizes, 'x');
  for (llvm::StringRef size : sizes) {
    std::optional<int64_t> number = sizeOf(size);
    if (!number)
      return std::nullopt;
    shape.push_back(*number);
  }
  return shape;
}

std::optional<std::string> textOf(llvm::StringRef text) {
  return text.empty() ? std::nullopt : std::optional(text.str());
}

/// A flag that may be repeated, NAME=VALUE as `form` says it. A name may have an '=' in it where the value cannot.
template <typename Value>
void addNamed(CLI::App &verb, const std::string &flag, std::vector<std::pair<std::string, Value>> &list,
              std::optional<Value> (*read)(llvm::StringRef), const std::string &form, const std::string &text) {
  auto take = [=, &list](const std::vector<std::string> &given) {
    list.clear();
    for (llvm::StringRef one : given) {
      auto [name, value] = std::is_same_v<Value, std::string> ? one.split('=') : one.rsplit('=');
      std::optional<Value> known = read(value);
      if (name.empty() || !known)
        throw UsageError(flag + " takes " + form + ", not '" + one.str() + "'");
      if (llvm::any_of(list, [&](const auto &other) { return other.first == name; }))
        throw UsageError(flag + " gives '" + name.str() + "' twice");
      list.emplace_back(name.str(), std::move(*known));
    }
  };
  verb.add_option_function<std::vector<std::string>>(flag, take, text)->type_size(1)->allow_extra_args(false);
}

} // namespace

void addGraphFlags(CLI::App &verb, InputSettings &settings) {
  addNamed(verb, "--shape", settings.shapes, shapeOf,
           "INPUT=SIZExSIZE..., sizes from 1 to " + std::to_string(kMostSize) + ", or INPUT=scalar",
           "INPUT=1x3x320x320 (or scalar): all sizes of an input of a graph; repeatable");
  addNamed(verb, "--dim", settings.dimensions, sizeOf, "NAME=SIZE, a size from 1 to " + std::to_string(kMostSize),
           "NAME=SIZE of a dimension that a graph only names; repeatable");
  addNamed(verb, "--const", settings.constants, textOf,
           "INPUT=VALUE: a number, several with commas, true or false, or a .npy file",
           "INPUT=VALUE: a number, several with commas, true or false, or a .npy file in place of an input of a graph; "
           "repeatable");
  addNamed(verb, "--state", settings.states, textOf, "OUTPUT=INPUT",
           "OUTPUT=INPUT of a graph: what a run returns is what the next one takes, kept in between; repeatable");
}

} // namespace phic
