//===- EntryClasses.cpp - The kernels that a stage needs -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "targets/stages/EntryClasses.h"
#include "dialects/plan/Entry.h"
#include "phi/runtime.h"

using namespace mlir;

namespace phic {

SmallVector<EntryClass> entryClasses(const StageFacts &facts) {
  auto model = plan::StageOp(facts.stage)->getParentOfType<func::FuncOp>();
  if (plan::hasSteps(model))
    return llvm::map_to_vector(kMClasses, [](MClass m) { return EntryClass(mClassName(m), m); });
  MClass mClass = *facts.rows == 1                          ? MClass::Decode
                  : *facts.rows <= int64_t(PHI_VERIFY_ROWS) ? MClass::Verify
                                                            : MClass::Prefill;
  return {EntryClass(plan::entryNames(model).front(), mClass)};
}

} // namespace phic
