//===- GridName.h - What kernels of ops on grids are called ----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TARGETS_STAGES_GRIDNAME_H
#define PHIC_TARGETS_STAGES_GRIDNAME_H

#include "dialects/plan/Plan.h"
#include <string>

namespace phic {

/// `phi_contract_add_relu_u8_f32_n4096__ISA`: the functions of a stage, in order, the element types of its first input
/// and result, and how many elements that has.
std::string gridKernelName(plan::StageOp stage, std::string_view isa);

} // namespace phic

#endif // PHIC_TARGETS_STAGES_GRIDNAME_H
