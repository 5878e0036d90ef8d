//===- AbacusMachine.h - Runs stages of a program --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TEST_TARGETS_ABACUS_ABACUSMACHINE_H
#define PHIC_TEST_TARGETS_ABACUS_ABACUSMACHINE_H

#include "phi/format.h"

namespace phi {

/// A step of a model on an abacus.
struct AbacusStep {
  const uint64_t *program; ///< Program.h
  const phi_frame *frame;  ///< of the abacus's addresses
  uint8_t *scratch;        ///< likewise
};

/// Does what a stage's instructions say. False: one of them is none.
bool runAbacusStage(const AbacusStep &step, uint32_t stage);

/// IEEE half precision, to the nearest, half to even.
uint16_t halfOf(float value);
float floatOf(uint16_t half);

} // namespace phi

#endif // PHIC_TEST_TARGETS_ABACUS_ABACUSMACHINE_H
