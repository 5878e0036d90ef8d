//===- Npy.h - Arrays as NumPy files ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_FILES_NPY_H
#define PHIC_COMPILER_FILES_NPY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace phic {

/// A .npy file up to its elements, which follow row-major; `descr` is NumPy's name of their type: "<f4", "|u1".
std::string npyHeader(llvm::StringRef descr, llvm::ArrayRef<int64_t> shape);

} // namespace phic

#endif // PHIC_COMPILER_FILES_NPY_H
