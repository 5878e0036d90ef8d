//===- Model.h - The model with its weights and code -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What must hold before a session begins: the constants are of this version, the
// weights are there and theirs, and this machine runs one of the variants.
//===----------------------------------------------------------------------===//
#ifndef PHI_RUNTIME_MODEL_H
#define PHI_RUNTIME_MODEL_H

#include "runtime/devices/Device.h"

namespace phi {

/// Where a model's weights are when they are not embedded. All null: the default place.
struct WeightsSource {
  const char *path;
  const uint8_t *bytes;  ///< a sidecar's, in memory
  uint64_t size;
};

struct OpenModel {
  phi_model model;             ///< the constants, `weights` always set
  LoadedCode code;             ///< of the variant that was chosen
  const uint8_t *mapping;      ///< of a sidecar that was opened by path, else nullptr
  uint64_t mappedBytes;
  char path[4096];             ///< of that file; empty: none
};

/// PHI_OK, or PHI_NO_WEIGHTS after a sentence when the constants are not those that this runtime reads.
phi_status checkVersion(const phi_model &constants, Writer &errors);
/// Which code to run; nullptr: the best that this machine runs.
struct CodeChoice {
  const char *device = nullptr;  ///< its name
  const char *variant = nullptr; ///< its name
  const char *deviceOption = "--device"; ///< by what the device was chosen, for a sentence
};

/// A line for each device that the model has code for: its name, and what would run on it.
void listDevices(const phi_model &model, Writer &out);
/// PHI_OK, or another status after a sentence, without a line's end, to `errors`. `constants` lies in the file beside which a sidecar is looked for.
phi_status openModel(OpenModel *open, const phi_model &constants, const WeightsSource &source, Writer &errors,
                     const CodeChoice &choice = {});
void closeModel(OpenModel *open);

/// Whether answers end with this token.
bool isStopToken(const phi_model &model, int32_t id);

} // namespace phi

#endif // PHI_RUNTIME_MODEL_H
