//===- MachineText.cpp - A machine's limits in words and JSON --*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "compiler/report/MachineText.h"
#include "llvm/Support/FormatVariadic.h"

namespace phic {

std::string machineText(const MachineRates &m) {
  const std::string threads = m.threads ? llvm::formatv(", {0} threads", m.threads).str() : "",
                    stages = m.stageSeconds > 0 ? llvm::formatv(", {0:f1} us a stage", m.stageSeconds * 1e6).str() : "";
  return llvm::formatv("{0}{1}: {2:f1} GB/s, {3:f0} G integer and {4:f0} G f32 multiply-adds/s{5}", m.source, threads,
                       m.bytesPerSecond / 1e9, m.integerPerSecond / 1e9, m.realPerSecond / 1e9, stages)
      .str();
}

Json machineJson(const MachineRates &machine) {
  Json json = {{"source", machine.source},
               {"measured", machine.measured},
               {"threads", machine.threads},
               {"bytes_per_s", machine.bytesPerSecond},
               {"integer_multiply_adds_per_s", machine.integerPerSecond},
               {"f32_multiply_adds_per_s", machine.realPerSecond},
               {"stage_seconds", machine.stageSeconds}};
  if (machine.memoryBytes)
    json["memory_bytes"] = machine.memoryBytes;
  return json;
}

} // namespace phic
