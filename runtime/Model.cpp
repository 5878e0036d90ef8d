//===- Model.cpp - The model with its weights and code -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Model.h"

#include "Os.h"

#include <string.h>

namespace phi {
namespace {

phi_status noSuchCode(const phi_model &model, const char *cpuVariant, Writer &errors) {
  errors << "--cpu-variant " << cpuVariant << ": this model has no such code; it has";
  for (uint32_t i = 0; i < model.variant_count; ++i)
    errors << (i ? ", " : " ") << model.variants[i].name;
  return PHI_BAD_ARGUMENT;
}

const phi_variant *findVariant(const phi_model &model, const char *name) {
  for (uint32_t i = 0; i < model.variant_count; ++i)
    if (strcmp(model.variants[i].name, name) == 0)
      return &model.variants[i];
  return nullptr;
}

/// The first that this machine runs; without one, the last.
const phi_variant *bestVariant(const phi_model &model) {
  const phi_variant *last = model.variants + model.variant_count - 1;
  for (const phi_variant *variant = model.variants; variant < last; ++variant)
    if (!phi_device_cpu.lacking(*variant))
      return variant;
  return last;
}

phi_status chooseCode(OpenModel *open, const char *cpuVariant, Writer &errors) {
  const phi_model &model = open->model;
  const phi_variant *wanted = cpuVariant ? findVariant(model, cpuVariant) : bestVariant(model);
  if (!wanted)
    return noSuchCode(model, cpuVariant, errors);
  open->code = {&phi_device_cpu, &model, wanted, nullptr, nullptr};
  const char *lacking = open->code.device->lacking(*wanted);
  if (!lacking)
    return PHI_OK;
  const char *machine = open->code.device->machine;
  if (cpuVariant)
    errors << "--cpu-variant " << cpuVariant << ": this " << machine << " lacks " << lacking;
  else
    errors << "this model needs a " << machine << " with " << wanted->name << "; this one lacks " << lacking;
  return PHI_NO_PROCESSOR;
}

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
  open->mapping = os::mapFile(from, &open->mappedBytes);
  if (!open->mapping)
    errors << "cannot open the weights, " << from << ": " << os::lastError();
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
                     const char *cpuVariant) {
  open->model = constants;
  open->mapping = nullptr;
  open->path[0] = 0;
  open->code = {};
  phi_status status = checkVersion(constants, errors);
  if (status == PHI_OK)
    status = chooseCode(open, cpuVariant, errors);
  if (status == PHI_OK)
    status = constants.sidecar ? openSidecar(open, constants, source, errors) : useEmbedded(*open, source, errors);
  if (status == PHI_OK && !open->code.device->load(&open->code, open->model.weights, errors))
    status = PHI_DEVICE_FAILED;
  if (status != PHI_OK)
    closeModel(open);
  return status;
}

void closeModel(OpenModel *open) {
  if (open->code.weights)
    open->code.device->unload(&open->code);
  open->code.weights = nullptr;
  if (open->mapping)
    os::release(open->mapping, open->mappedBytes);
  open->mapping = nullptr;
}

} // namespace phi
