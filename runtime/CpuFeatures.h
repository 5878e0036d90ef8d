//===- CpuFeatures.h - What this processor can do --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHI_RUNTIME_CPUFEATURES_H
#define PHI_RUNTIME_CPUFEATURES_H

#include "phi/format.h"

namespace phi {

/// PHI_CPU_* bits that this processor has and the system lets programs use.
uint64_t cpuFeatures();

/// The name of the lowest bit in `features`; "an unknown feature" for a bit this runtime does not know.
const char *cpuFeatureName(uint64_t features);

/// The variant of that name, or nullptr.
const phi_variant *findVariant(const phi_model &model, const char *name);

/// The first variant whose features are all there, or nullptr.
const phi_variant *chooseVariant(const phi_model &model, uint64_t features);

} // namespace phi

#endif // PHI_RUNTIME_CPUFEATURES_H
