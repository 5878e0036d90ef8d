//===- MachineText.h - A machine's limits in words and JSON ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_COMPILER_REPORT_MACHINETEXT_H
#define PHIC_COMPILER_REPORT_MACHINETEXT_H

#include "compiler/report/Machine.h"
#include <nlohmann/json.hpp>

namespace phic {

std::string machineText(const Machine &machine);
nlohmann::ordered_json machineJson(const Machine &machine);

} // namespace phic

#endif // PHIC_COMPILER_REPORT_MACHINETEXT_H
