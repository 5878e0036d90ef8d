//===- Model.cpp - The model with its weights and code -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Model.h"

#include "Os.h"

#include <string.h>

namespace phi {
namespace {

uint64_t trailerOffset(const phi_model &model) { return (model.weights_bytes + 63) / 64 * 64; }

/// Behind the weights: there only if the file is whole.
bool trailerFits(const phi_model &model) {
  auto *trailer = reinterpret_cast<const phi_weights_trailer *>(model.weights + trailerOffset(model));
  return trailer->magic == PHI_WEIGHTS_MAGIC && trailer->bytes == model.weights_bytes &&
         trailer->hash == model.weights_hash;
}

phi_status useEmbedded(const OpenModel &open, const WeightsSource &source, Writer &errors) {
  if (source.path || source.bytes) {
    errors << "this model's weights are embedded; it takes no others";
    return PHI_BAD_ARGUMENT;
  }
  if (trailerFits(open.model))
    return PHI_OK;
  errors << "this model's file is damaged: its weights are not those it was linked with";
  return PHI_NO_WEIGHTS;
}

/// The sidecar's place when nobody says another: open->path. False when the system does not tell where we are.
bool findBeside(OpenModel *open, const phi_model &constants) {
  if (!os::fileOf(&constants, open->path, sizeof(open->path)))
    return false;
  char *end = strrchr(open->path, '/') + 1;
  size_t bytes = strlen(open->model.sidecar) + 1;
  if (bytes > size_t(open->path + sizeof(open->path) - end))
    return false;
  memcpy(end, open->model.sidecar, bytes);
  return true;
}

/// The sidecar's bytes; nullptr after a sentence.
const uint8_t *mapSidecar(OpenModel *open, const phi_model &constants, const char *path, Writer &errors) {
  if (path) {
    size_t bytes = strlen(path) + 1;
    memcpy(open->path, path, bytes <= sizeof(open->path) ? bytes : 0);
  } else if (!findBeside(open, constants)) {
    errors << "this system does not tell where this model's code was loaded from; say where " << open->model.sidecar
           << " is";
    return nullptr;
  }
  const char *from = path ? path : open->path;
  const char *reason = nullptr;
  open->mapping = os::mapFile(from, &open->mappedBytes, &reason);
  if (!open->mapping)
    errors << "cannot open the weights, " << from << ": " << reason;
  return open->mapping;
}

/// A sidecar's header and size against what the model wants.
phi_status useSidecar(OpenModel *open, const uint8_t *bytes, uint64_t size, Writer &errors) {
  phi_model &model = open->model;
  const char *name = open->path[0] ? open->path : "the memory given as weights";
  auto *header = reinterpret_cast<const phi_weights_header *>(bytes);
  if (size < PHI_WEIGHTS_OFFSET || header->magic != PHI_WEIGHTS_MAGIC || header->version != PHI_FORMAT_VERSION ||
      header->offset != PHI_WEIGHTS_OFFSET) {
    errors << name << " holds no weights of this format version";
    return PHI_NO_WEIGHTS;
  }
  if (header->bytes != model.weights_bytes || header->hash != model.weights_hash) {
    errors << name << " holds other weights than those this model was compiled with";
    return PHI_NO_WEIGHTS;
  }
  model.weights = bytes + PHI_WEIGHTS_OFFSET;
  uint64_t wanted = PHI_WEIGHTS_OFFSET + trailerOffset(model) + sizeof(phi_weights_trailer);
  if (size == wanted && trailerFits(model))
    return PHI_OK;
  errors << name << " is damaged: it has " << size << " bytes, of " << wanted
         << (size == wanted ? ", but another end" : "");
  return PHI_NO_WEIGHTS;
}

phi_status openSidecar(OpenModel *open, const phi_model &constants, const WeightsSource &source, Writer &errors) {
  if (source.path && source.bytes) {
    errors << "the weights are given twice, as a path and as memory";
    return PHI_BAD_ARGUMENT;
  }
  if (source.bytes) {
    if (reinterpret_cast<uintptr_t>(source.bytes) % 64 == 0)
      return useSidecar(open, source.bytes, source.size, errors);
    errors << "the weights in memory are not 64-byte aligned";
    return PHI_BAD_ARGUMENT;
  }
  const uint8_t *bytes = mapSidecar(open, constants, source.path, errors);
  return bytes ? useSidecar(open, bytes, open->mappedBytes, errors) : PHI_NO_WEIGHTS;
}

} // namespace

phi_status checkVersion(const phi_model &model, Writer &errors) {
  if (model.size == sizeof(phi_model) && model.version == PHI_FORMAT_VERSION)
    return PHI_OK;
  errors << "this model's file is damaged: its format version is " << model.version << " and its size " << model.size
         << ", its runtime's " << PHI_FORMAT_VERSION << " and " << uint64_t(sizeof(phi_model));
  return PHI_NO_WEIGHTS;
}

phi_status openModel(OpenModel *open, const phi_model &constants, const WeightsSource &source, Writer &errors,
                     const CodeChoice &choice) {
  open->model = constants;
  open->mapping = nullptr;
  open->path[0] = 0;
  open->code = {};
  phi_status status = checkVersion(constants, errors);
  if (status == PHI_OK)
    status = chooseCode(&open->code, open->model, choice, errors);
  if (status == PHI_OK)
    status = constants.sidecar ? openSidecar(open, constants, source, errors) : useEmbedded(*open, source, errors);
  if (status != PHI_OK)
    closeModel(open);
  return status;
}

phi_status loadModel(OpenModel *open, const SessionNeed &need, const Notes &notes, Writer &errors) {
  LoadedCode &code = open->code;
  if (!code.device().load(&code, open->model.weights + code.plan().weights_offset, need, notes, errors)) {
    closeModel(open);
    return PHI_DEVICE_FAILED;
  }
  // A device that has a copy of its own reads this one no more.
  if (open->mapping && !code.device().isHost)
    os::dropPages(open->mapping, open->mappedBytes);
  return PHI_OK;
}

void closeModel(OpenModel *open) {
  if (open->code.weights)
    open->code.device().unload(&open->code);
  open->code.weights = nullptr;
  if (open->mapping)
    os::release(open->mapping, open->mappedBytes);
  open->mapping = nullptr;
}

bool isStopToken(const phi_model &model, int32_t id) {
  for (uint32_t i = 0; i < model.stop_id_count; ++i)
    if (model.stop_ids[i] == id)
      return true;
  return false;
}

} // namespace phi
