//===- Npy.h - Arrays as NumPy files ---------------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a graph's program reads and writes: an array with the shape and element type of a binding, or one a run, along
// one more axis in front.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_NPY_H
#define PHI_RUNTIME_NPY_H

#include "Bindings.h"
#include "ProgramOutputs.h"

namespace phi {

/// A file's array, mapped.
struct NpyArray {
  const uint8_t *mapping = nullptr, *data = nullptr;
  uint64_t mappedBytes = 0;
  int64_t runs = 1;       ///< arrays of the binding's shape
  bool hasRuns = false;   ///< they lie along an axis of their own
};

/// False after a sentence: the file is none, or holds another type, shape or order than the binding's.
bool openNpy(const char *path, const phi_binding &binding, NpyArray *array, Writer &errors);
void closeNpy(NpyArray *array);

/// Makes the file and writes its header; the data follows. False: os::lastError() says why not.
bool createNpy(ResultFile *file, const char *path, const phi_binding &binding, int64_t runs, bool hasRuns);

/// "[1, 2, 8, 8]"
void writeShape(const phi_binding &binding, Writer &out);
/// "float32"
const char *elementName(uint32_t element);

} // namespace phi

#endif // PHI_RUNTIME_NPY_H
