//===- Backends.cpp - The list of the families of machines -----*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one place that families are linked to; everybody else asks for all of them.
//===----------------------------------------------------------------------===//
#include "targets/Backend.h"

namespace phic {

#define PHIC_BACKEND(FUNCTION) const Backend &FUNCTION();
#include "targets/Backends.def"

llvm::ArrayRef<const Backend *> allBackends() {
  static const Backend *const kBackends[] = {
#define PHIC_BACKEND(FUNCTION) &FUNCTION(),
#include "targets/Backends.def"
  };
  return kBackends;
}

} // namespace phic
