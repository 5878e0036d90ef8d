//===- MemoryLimit.h - Programs that need too much memory ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_REPORT_MEMORYLIMIT_H
#define PHIC_COMPILER_REPORT_MEMORYLIMIT_H

#include "compiler/Options.h"
#include "compiler/messages/Diagnostics.h"
#include "compiler/report/Prediction.h"

namespace phic {

/// What a user can change to need less, most effective first; a line each.
std::vector<std::string> memoryRemedies(const Prediction &prediction, const CompileSettings &settings);

/// An error when the program would need more than settings.maxMemory; notes name its largest blocks, and what would help.
std::optional<Finding> findMemoryExcess(const Prediction &prediction, const CompileSettings &settings);

/// A warning when a device would need more memory than its machine has; a note says how many tokens fit.
std::optional<Finding> findDeviceExcess(const Prediction &prediction);

} // namespace phic

#endif // PHIC_COMPILER_REPORT_MEMORYLIMIT_H
