//===- Npy.h - Arrays as NumPy files ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A .npy file is a Python dict of the array's type, order and shape, and then its elements. NumPy writes the three keys in
// one order and with one spelling; others are refused, as the programs that phic makes do.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_FILES_NPY_H
#define PHIC_COMPILER_FILES_NPY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <string>

namespace phic {

/// A .npy file up to its elements, which follow row-major; `descr` is NumPy's name of their type: "<f4", "|u1".
std::string npyHeader(llvm::StringRef descr, llvm::ArrayRef<int64_t> shape);

/// An array, row-major, as part of the file that it was found in.
struct NpyContents {
  llvm::StringRef descr;
  llvm::SmallVector<int64_t> shape;
  llvm::StringRef data; ///< elements(), elementBytes() each

  uint64_t elements() const;
  /// By the number at the end of `descr`.
  uint64_t elementBytes() const;
};

/// What a whole file holds. An error says what is wrong with it: "is no .npy file of version 1.0".
llvm::Expected<NpyContents> readNpy(llvm::StringRef file);

} // namespace phic

#endif // PHIC_COMPILER_FILES_NPY_H
