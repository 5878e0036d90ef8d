//===- Npy.cpp - Arrays as NumPy files -------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/files/Npy.h"
#include "llvm/Support/FormatVariadic.h"

namespace phic {

/// Magic, version, the length of the rest, a Python dict, blanks up to a multiple of 64.
std::string npyHeader(llvm::StringRef descr, llvm::ArrayRef<int64_t> shape) {
  std::string sizes;
  for (int64_t size : shape)
    sizes += std::to_string(size) + ", ";
  std::string dict = llvm::formatv("{{'descr': '{0}', 'fortran_order': False, 'shape': ({1}), }", descr, sizes).str();
  constexpr size_t kPrefix = 10, kMultiple = 64;
  dict.append(kMultiple - (kPrefix + dict.size() + 1) % kMultiple, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += char(dict.size() & 0xff);
  header += char(dict.size() >> 8);
  return header + dict;
}

} // namespace phic
