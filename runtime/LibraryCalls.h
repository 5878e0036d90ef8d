//===- LibraryCalls.h - What calls of a C interface share ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Options of any version, sentences about errors, and blocks of memory that callers bring.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_LIBRARYCALLS_H
#define PHI_RUNTIME_LIBRARYCALLS_H

#include "Model.h"

#include <string.h>

namespace phi {

/// The caller's struct as ours: what an older caller does not have is 0.
template <typename T> T readOptions(const T *given) {
  T options = {};
  size_t bytes = given ? given->size : 0;
  if (given)
    memcpy(&options, given, bytes < sizeof(T) ? bytes : sizeof(T));
  return options;
}

/// A writer of the caller's error text, if wanted.
struct ErrorText : Writer {
  explicit ErrorText(phi_error *error) : Writer(error ? error->text : nullptr, error ? sizeof(error->text) : 0) {}
  /// The sentence, and its status.
  phi_status operator()(phi_status status, Text what) {
    *this << what;
    return status;
  }
};

/// Whether the block can hold `bytes`; else a sentence.
bool blockFits(const void *memory, uint64_t given, uint64_t bytes, ErrorText &error);

/// For the caller's log. `options` outlives them.
Notes notesOf(const phi_model_options &options);
/// Opens the model that the options ask for, and loads it. PHI_OK, or another status after a sentence.
phi_status openAsAsked(OpenModel *open, const phi_model &constants, const phi_model_options &options, ErrorText &error);
/// Tells the caller's log what was opened.
void logOpened(const phi_model_options &options, const OpenModel &open);

/// One for a session that asks for none; false after a sentence about a number that no session takes.
bool checkThreads(int32_t *threads, ErrorText &error);

} // namespace phi

#endif // PHI_RUNTIME_LIBRARYCALLS_H
