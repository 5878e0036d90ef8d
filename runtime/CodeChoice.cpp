//===- CodeChoice.cpp - Which code runs, and on what -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CodeChoice.h"

#include <string.h>

namespace phi {
namespace {

constexpr int32_t kAny = -1;

/// What is asked for.
struct Wanted {
  Text device;   ///< empty: any
  int32_t index; ///< kAny, or which of those of that name
  const char *variant; ///< nullptr: any
};

struct Found {
  const phi_variant *variant; ///< nullptr: there is none
  int32_t index;
  bool runs;
};

int32_t countOf(const phi_device &device) { return device.count ? device.count() : 1; }

bool isAskedFor(const phi_variant &variant, const Wanted &wanted) {
  return (!wanted.device.size || wanted.device == variant.plan->device->name) &&
         (!wanted.variant || strcmp(variant.name, wanted.variant) == 0);
}

/// The first device that runs this variant, of those asked for.
Found findDevice(const phi_variant &variant, int32_t index) {
  const phi_device &device = *variant.plan->device;
  const int32_t first = index == kAny ? 0 : index, count = index == kAny ? countOf(device) : index + 1;
  Writer unheard(nullptr, 0);
  for (int32_t i = first; i < count || i == first; ++i)
    if (!device.lacks(variant, i, unheard))
      return {&variant, i, true};
  return {&variant, first, false};
}

/// The first asked for that this machine runs, else the last asked for.
Found findCode(const phi_model &model, const Wanted &wanted) {
  Found found = {};
  for (const phi_variant *variant = model.variants; variant < model.variants + model.variant_count; ++variant)
    if (isAskedFor(*variant, wanted) && !found.runs)
      found = findDevice(*variant, wanted.index);
  return found;
}

/// The first variant of each device.
bool isFirstOfDevice(const phi_model &model, const phi_variant *variant) {
  for (const phi_variant *before = model.variants; before < variant; ++before)
    if (before->plan->device == variant->plan->device)
      return false;
  return true;
}

/// Reads NAME or NAME:INDEX. False after a sentence.
bool readChoice(const CodeChoice &choice, Wanted *wanted, Writer &errors) {
  *wanted = {{}, kAny, choice.variant};
  if (!choice.device)
    return true;
  const char *colon = strchr(choice.device, ':');
  wanted->device = colon ? Text(choice.device, size_t(colon - choice.device)) : Text(choice.device);
  if (strchr(choice.device, ',')) {
    errors << choice.deviceOption << ' ' << choice.device << ": one device runs a model, and all of it";
    return false;
  }
  int64_t index = 0;
  if (!colon)
    return true;
  if (!parseInteger(colon + 1, &index) || index < 0 || index > INT16_MAX) {
    errors << choice.deviceOption << ' ' << choice.device << ": what follows the colon is a number, as in "
           << wanted->device << ":0";
    return false;
  }
  wanted->index = int32_t(index);
  return true;
}

phi_status noSuchDevice(const phi_model &model, const CodeChoice &choice, Writer &errors) {
  errors << choice.deviceOption << " " << choice.device << ": this model has no code for that; it has code for";
  const char *separator = " ";
  for (const phi_variant *variant = model.variants; variant < model.variants + model.variant_count; ++variant)
    if (isFirstOfDevice(model, variant)) {
      errors << separator << variant->plan->device->name;
      separator = ", ";
    }
  return PHI_BAD_ARGUMENT;
}

phi_status noSuchCode(const phi_model &model, const CodeChoice &choice, Wanted wanted, Writer &errors) {
  wanted.variant = nullptr;
  if (choice.device && !findCode(model, wanted).variant)
    return noSuchDevice(model, choice, errors);
  errors << "--cpu-variant " << choice.variant << ": this model has no such code; it has";
  const char *separator = " ";
  for (uint32_t i = 0; i < model.variant_count; ++i)
    if (isAskedFor(model.variants[i], wanted)) {
      errors << separator << model.variants[i].name;
      separator = ", ";
    }
  return PHI_BAD_ARGUMENT;
}

/// False after a sentence where there are some, but not as many.
bool exists(const Found &found, const CodeChoice &choice, Writer &errors) {
  const phi_device &device = *found.variant->plan->device;
  const int32_t count = countOf(device);
  if (found.index < count || count == 0)
    return true;
  errors << choice.deviceOption << ' ' << choice.device << ": this machine has " << count << " of them, " << device.name
         << ":0 ";
  if (count > 1)
    errors << "to " << device.name << ':' << count - 1;
  else
    errors << "alone";
  return false;
}

phi_status refuse(const Found &found, const CodeChoice &choice, Writer &errors) {
  const phi_device &device = *found.variant->plan->device;
  if (choice.variant)
    errors << "--cpu-variant " << choice.variant << ": this " << device.machine << " lacks ";
  else
    errors << "this model needs a " << device.machine << " with " << found.variant->name << "; this one lacks ";
  device.lacks(*found.variant, found.index, errors);
  return PHI_NO_PROCESSOR;
}

/// Where the best device is not the one that runs: why.
void tellPassedOver(const phi_model &model, const Found &found, const CodeChoice &choice) {
  const phi_device &best = *model.variants->plan->device, &taken = *found.variant->plan->device;
  if (&best == &taken || choice.device || choice.variant)
    return;
  char text[256];
  Writer line(text, sizeof(text));
  const Found missing = findCode(model, {best.name, kAny, nullptr});
  line << "on " << taken.name << ", not on " << best.name << ": this " << best.machine << " lacks ";
  best.lacks(*missing.variant, missing.index, line);
  choice.notes(text);
}

} // namespace

phi_status chooseCode(LoadedCode *code, const phi_model &model, const CodeChoice &choice, Writer &errors) {
  Wanted wanted;
  if (!readChoice(choice, &wanted, errors))
    return PHI_BAD_ARGUMENT;
  const Found found = findCode(model, wanted);
  if (!found.variant)
    return noSuchCode(model, choice, wanted, errors);
  if (!exists(found, choice, errors))
    return PHI_BAD_ARGUMENT;
  if (!found.runs)
    return refuse(found, choice, errors);
  tellPassedOver(model, found, choice);
  *code = {&model, found.variant, nullptr, nullptr, found.index};
  return PHI_OK;
}

void writeRunner(const LoadedCode &code, int64_t threads, Writer &out) {
  if (code.device().isHost)
    out << threads << " threads, ";
  else
    out << code.device().name << ", ";
  out << code.variant->name;
}

void listDevices(const phi_model &model, Writer &out) {
  for (const phi_variant *variant = model.variants; variant < model.variants + model.variant_count; ++variant) {
    if (!isFirstOfDevice(model, variant))
      continue;
    const phi_device &device = *variant->plan->device;
    const int32_t count = countOf(device);
    for (int32_t i = 0; i < count || i == 0; ++i) {
      const Found found = findCode(model, {device.name, i, nullptr});
      out << device.name;
      if (device.count && count > 0)
        out << ':' << i;
      out << "  " << found.variant->name;
      if (device.count && count > 0)
        device.describe(i, out << ", ");
      if (!found.runs)
        device.lacks(*found.variant, i, out << ": this " << device.machine << " lacks ");
      out << '\n';
    }
  }
}

} // namespace phi
