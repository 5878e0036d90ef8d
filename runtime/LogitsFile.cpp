//===- LogitsFile.cpp - Logits as a NumPy file -------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "LogitsFile.h"

#include "Os.h"

namespace phi {

static int64_t digits(int64_t number) { return number < 10 ? 1 : 1 + digits(number / 10); }

bool LogitsFile::open(const char *path, int64_t rows, int64_t columns) {
  vocab = columns;
  if (!results.create(path))
    return false;
  // Magic, version 1.0, header length 118 (little-endian): the data begins at byte 128.
  Writer out(results.file);
  out << Text("\x93NUMPY\x01\x00\x76\x00", 10);
  out << "{'descr': '<f4', 'fortran_order': False, 'shape': (" << rows << ", " << columns << "), }";
  constexpr int64_t kWithoutNumbers = 10 + 51 + 2 + 4;
  for (int64_t used = kWithoutNumbers + digits(rows) + digits(columns); used < 127; ++used)
    out << ' ';
  out << '\n';
  if (out.flush())
    return true;
  results.discard();
  return false;
}

bool LogitsFile::write(const float *logits, int64_t rows) {
  return os::writeAll(results.file, logits, uint64_t(rows) * uint64_t(vocab) * sizeof(float));
}

} // namespace phi
