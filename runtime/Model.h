//===- Model.h - The model with its weights and code -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What must hold before a session begins: the constants are of this version, the
// weights are there and theirs, and this machine runs one of the variants.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_MODEL_H
#define PHI_RUNTIME_MODEL_H

#include "CodeChoice.h"

namespace phi {

/// Where a model's weights are when they are not embedded. All null: the default place.
struct WeightsSource {
  const char *path;
  const uint8_t *bytes;  ///< a sidecar's, in memory
  uint64_t size;
};

struct OpenModel {
  phi_model model;             ///< the constants, `weights` always set
  LoadedCode code;             ///< of the variant that was chosen; `weights` once it is loaded
  const uint8_t *mapping;      ///< of a sidecar that was opened by path, else nullptr
  uint64_t mappedBytes;
  char path[4096];             ///< of that file; empty: none
};

/// PHI_OK, or PHI_NO_WEIGHTS after a sentence when the constants are not those that this runtime reads.
phi_status checkVersion(const phi_model &constants, Writer &errors);
/// PHI_OK, or another status after a sentence, without a line's end, to `errors`. `constants` lies in the file beside which a sidecar is looked for.
phi_status openModel(OpenModel *open, const phi_model &constants, const WeightsSource &source, Writer &errors,
                     const CodeChoice &choice = {});
/// Loads what openModel chose, where sessions of `need` are to run: its code, and the weights where the device has memory of
/// its own. PHI_OK, or PHI_DEVICE_FAILED after a sentence; the model is closed then.
phi_status loadModel(OpenModel *open, const SessionNeed &need, const Notes &notes, Writer &errors);
void closeModel(OpenModel *open);

/// Whether answers end with this token.
bool isStopToken(const phi_model &model, int32_t id);

} // namespace phi

#endif // PHI_RUNTIME_MODEL_H
