//===- CpuFeatures.h - What this processor can do --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHI_RUNTIME_DEVICES_CPU_CPUFEATURES_H
#define PHI_RUNTIME_DEVICES_CPU_CPUFEATURES_H

#include "phi/format.h"

namespace phi {

/// PHI_CPU_* bits that this processor has and the system lets programs use.
uint64_t cpuFeatures();

/// The name of the lowest bit in `features`; "an unknown feature" for a bit this runtime does not know.
const char *cpuFeatureName(uint64_t features);

} // namespace phi

#endif // PHI_RUNTIME_DEVICES_CPU_CPUFEATURES_H
