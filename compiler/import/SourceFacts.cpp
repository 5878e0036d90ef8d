//===- SourceFacts.cpp - What a model's files hold -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/import/SourceFacts.h"

namespace phic {

void SourceFacts::addTensor(const std::string &format, uint64_t elements, uint64_t bytes) {
  StoredFormat &row = formats[format];
  ++row.tensors;
  row.elements += elements;
  row.bytes += bytes;
}

uint64_t SourceFacts::bytes() const {
  uint64_t sum = 0;
  for (auto &[name, format] : formats)
    sum += format.bytes;
  return sum;
}

} // namespace phic
