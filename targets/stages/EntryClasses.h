//===- EntryClasses.h - The kernels that a stage needs ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef PHIC_TARGETS_STAGES_ENTRYCLASSES_H
#define PHIC_TARGETS_STAGES_ENTRYCLASSES_H

#include "targets/stages/StageFacts.h"

namespace phic {

/// An entry point's name, and the M class that its kernels are of.
using EntryClass = std::pair<llvm::StringRef, MClass>;

/// Where a step chooses its rows, an entry point each class; else the class of the rows that there are.
llvm::SmallVector<EntryClass> entryClasses(const StageFacts &facts);

} // namespace phic

#endif // PHIC_TARGETS_STAGES_ENTRYCLASSES_H
