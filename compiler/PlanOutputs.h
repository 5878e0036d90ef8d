//===- PlanOutputs.h - Which files a build writes --------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `-o PATH` names the first kind of --emit exactly; all others lie beside it,
// with PATH's stem: the file name without a leading "lib" and without .a, .so,
// .dylib, .o or .h. `-o out/libphi.a --emit=lib,header` makes out/libphi.a and out/phi.h.
//===----------------------------------------------------------------------===//
#ifndef PHIC_COMPILER_PLANOUTPUTS_H
#define PHIC_COMPILER_PLANOUTPUTS_H

#include "compiler/Options.h"
#include "compiler/link/Outputs.h"
#include "llvm/Support/Error.h"

namespace phic {

/// For the one system options.target. An error says which flags do not go together.
llvm::Expected<Outputs> planOutputs(const Options &options);

} // namespace phic

#endif // PHIC_COMPILER_PLANOUTPUTS_H
