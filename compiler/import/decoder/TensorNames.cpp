//===- TensorNames.cpp - How a container spells weights --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/decoder/TensorNames.h"
#include "llvm/ADT/STLExtras.h"

namespace phic::decoder {
namespace {

std::string fill(llvm::StringRef pattern, int64_t layer) {
  auto [before, after] = pattern.split("{}");
  return before.size() == pattern.size() ? pattern.str() : before.str() + std::to_string(layer) + after.str();
}

} // namespace

std::string TensorNames::layerPrefix(int64_t index) const { return fill(layer, index); }

std::string TensorNames::name(Role role, int64_t index) const {
  const TensorName *row = llvm::find_if(rows, [&](const TensorName &one) { return one.role == role; });
  return row == rows.end() ? "" : fill(row->pattern, index);
}

std::string TensorNames::tensor(const WeightId &id) const {
  std::string base = name(id.role, id.layer);
  return base.empty() ? base : base + (id.part == Part::Bias ? ".bias" : ".weight");
}

} // namespace phic::decoder
