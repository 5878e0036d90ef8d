//===- Manifest.h - What a program says about itself -----------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A JSON document in the section `.phi_manifest`, which is not mapped when the
// program runs: for `phic inspect` and `phic verify`.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_MANIFEST_MANIFEST_H
#define PHIC_COMPILER_MANIFEST_MANIFEST_H

#include "mlir/IR/BuiltinOps.h"
#include <string>
#include <vector>

namespace phic {

struct ManifestFacts {
  struct Level {
    std::string name;        ///< "x86-64-v3"
    mlir::ModuleOp module;   ///< has been through `target`
  };
  struct Plan {
    std::string family; ///< "cpu"
    uint64_t weightsOffset = 0; ///< of its copy in the weight segment
    uint64_t scratchBytes = 0; ///< of the level that needs most
    std::vector<Level> levels; ///< best first; they differ in their kernels only
  };
  std::string target, activations, kvCache, precision;  ///< as they were asked for
  std::vector<std::string> plugins;                     ///< that were loaded
  uint64_t tokenizerBytes = 0;
  std::string weightsFile;     ///< the sidecar's name; empty: embedded
  uint64_t weightsBytes = 0; ///< of all plans
  std::vector<Plan> plans; ///< best first
};

/// The manifest's text. Keys: phic, name, target, cpu_variants, act, kv, bits_per_weight, (where weights were converted) precision,
/// conversions, converted_weights [{name, stored_format, format, method, relative_rms, greatest}], weights_file (of a
/// sidecar), weight_bytes, weights_hash, tokenizer_bytes, context_max, entries [{name, most_rows, bindings
/// [{kind, name, element, shape}]}], formats {format: {tensors, weights,
/// bits_per_weight}}, kernels [{cpu_variant, stage, entry, symbol, generator}], files, plans [{device, variants,
/// weights_offset, weight_bytes, arena_bytes, scratch_bytes, kv_bytes_per_token, chunk_rows, and ir, or packed: {ir, kernels}}].
std::string makeManifest(const ManifestFacts &facts);

} // namespace phic

#endif // PHIC_COMPILER_MANIFEST_MANIFEST_H
