//===- MachineText.h - A machine's limits in words and JSON ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_REPORT_MACHINETEXT_H
#define PHIC_COMPILER_REPORT_MACHINETEXT_H

#include "compiler/files/Json.h"
#include "targets/MachineRates.h"

namespace phic {

std::string machineText(const MachineRates &machine);
Json machineJson(const MachineRates &machine);

} // namespace phic

#endif // PHIC_COMPILER_REPORT_MACHINETEXT_H
