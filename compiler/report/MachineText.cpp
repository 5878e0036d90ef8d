//===- MachineText.cpp - A machine's limits in words and JSON --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/report/MachineText.h"
#include "llvm/Support/FormatVariadic.h"

namespace phic {

std::string machineText(const MachineRates &m) {
  return llvm::formatv("{0}, {1} threads: {2:f1} GB/s, {3:f0} G integer and {4:f0} G f32 multiply-adds/s", m.source,
                       m.threads, m.bytesPerSecond / 1e9, m.integerPerSecond / 1e9, m.realPerSecond / 1e9)
      .str();
}

Json machineJson(const MachineRates &machine) {
  return {{"source", machine.source},
          {"measured", machine.measured},
          {"threads", machine.threads},
          {"bytes_per_s", machine.bytesPerSecond},
          {"integer_multiply_adds_per_s", machine.integerPerSecond},
          {"f32_multiply_adds_per_s", machine.realPerSecond}};
}

} // namespace phic
