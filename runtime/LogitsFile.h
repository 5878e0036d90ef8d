//===- LogitsFile.h - Logits as a NumPy file -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHI_RUNTIME_LOGITSFILE_H
#define PHI_RUNTIME_LOGITSFILE_H

#include "ProgramOutputs.h"

namespace phi {

/// Writes float32 [rows, vocab] as .npy (format 1.0), rows as they come.
struct LogitsFile {
  ResultFile results;
  int64_t vocab = 0;

  /// False when the file cannot be made; os::lastError() says why.
  bool open(const char *path, int64_t rows, int64_t vocab);
  bool write(const float *logits, int64_t rows);
};

} // namespace phi

#endif // PHI_RUNTIME_LOGITSFILE_H
