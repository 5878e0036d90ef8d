//===- Access.h - Addresses of lanes -------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What all instructions that access memory share: the addresses that lanes give, and the space that they are in.
//
//===----------------------------------------------------------------------===//
#ifndef PHIC_TEST_EMULATORS_CUDA_ACCESS_H
#define PHIC_TEST_EMULATORS_CUDA_ACCESS_H

#include "Decoder.h"
#include "Grid.h"

namespace ptx {

/// Base and Instruction::value, for each lane.
void addressesOf(Warp &warp, const Instruction &instruction, Slot base, uint64_t (&at)[32]);

/// The space of the executing lanes; generic addresses become those of their space.
Space spaceOf(Warp &warp, Space space, uint64_t (&at)[32]);

/// Takes .global and its like; without one the space is generic.
void takeSpace(Decoder &decoder, bool withParam);

} // namespace ptx

#endif
