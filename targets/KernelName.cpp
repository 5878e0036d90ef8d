//===- KernelName.cpp - Symbols that say what a kernel is ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Joins the parts; whatever a symbol may not contain is dropped.
//===----------------------------------------------------------------------===//
#include "targets/KernelName.h"
#include <cctype>

namespace phic {

std::string KernelName::str() const {
  std::string text = "phi";
  auto append = [&](std::string_view part) {
    if (part.empty())
      return;
    text += '_';
    for (char c : part)
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '_')
        text += c;
  };
  append(op);
  append(lhs);
  append(rhs);
  append(out);
  append(epilogue);
  if (MR > 0)
    append(std::to_string(MR) + "x" + std::to_string(NR) + "x" + std::to_string(KR));
  append(shape);
  return text + "__" + std::string(isa);
}

} // namespace phic
