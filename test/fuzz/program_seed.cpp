//===- program_seed.cpp - The parts of a program of phic's -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What program_fuzz begins with: the sections that phic writes, with little in them.
//===----------------------------------------------------------------------===//
#include "phi/format.h"

#if defined(__APPLE__)
#define PHI_SECTION(name) __attribute__((section("__DATA,__" name), used))
#define PHI_WEIGHTS __attribute__((section("__PHI,__weights"), used))
#else
#define PHI_SECTION(name) __attribute__((section("." name), used))
#define PHI_WEIGHTS __attribute__((section(".phi_weights"), used))
#endif

struct Weights {
  char bytes[64];
  phi_weights_trailer trailer;
};

static constexpr phi_model made() {
  phi_model model = {};
  model.size = sizeof(phi_model);
  model.version = PHI_FORMAT_VERSION;
  model.weights_bytes = 64;
  model.weights_hash = 7;
  return model;
}

static constexpr phi_model kModel PHI_SECTION("phi_model") = made();
static constexpr char kManifest[] PHI_SECTION("phi_manifest") =
    "{\"name\": \"seed\", \"plans\": [], \"formats\": {}, \"kernels\": [], \"entries\": []}";
static constexpr char kTokenizer[] PHI_SECTION("phi_tokenizer") = "tables";
static constexpr Weights kWeights PHI_WEIGHTS = {"weights", {64, 7, {}, PHI_WEIGHTS_MAGIC}};
extern "C" void code() {}
